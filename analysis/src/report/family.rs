//! Statements that are forms of one: T1, T1 with 4K, T1' and T1''; T3, T3' and T3''.

use crate::results::ModelReport;

/// `T3` of `T3''`, `T1` of `T1 with 4K`.
fn family(id: &str) -> &str {
    id.split([' ', '\'']).next().unwrap_or(id)
}

/// The families of which no form applies to the model, in their order.
pub(super) fn inapplicable_families(model: &ModelReport) -> Vec<&str> {
    let mut families: Vec<&str> = Vec::new();
    for bound in model.bounds.iter().filter(|bound| !bound.id.is_empty()) {
        let family = family(&bound.id);
        let applies = model.bounds.iter().any(|other| other.applicable && self::family(&other.id) == family);
        if !applies && !families.contains(&family) {
            families.push(family);
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::BoundReport;

    #[test]
    fn a_family_applies_if_one_of_its_forms_does() {
        let bound =
            |(id, applicable): (&str, bool)| BoundReport { id: id.into(), applicable, ..BoundReport::default() };
        let forms =
            [("T1", false), ("T1 with 4K", false), ("T1''", false), ("T2", true), ("T3", false), ("T3''", true)];
        let mut model = ModelReport { bounds: forms.map(bound).into(), ..ModelReport::default() };
        assert_eq!(inapplicable_families(&model), ["T1"]);
        model.bounds.pop();
        assert_eq!(inapplicable_families(&model), ["T1", "T3"]);
    }
}
