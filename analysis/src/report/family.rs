//! Statements that are forms of one: T1, T1 with 4K, T1' and T1''; T3, T3' and T3''.

use crate::results::ModelReport;

/// The families of which no form applies to the model, in their order.
pub(super) fn inapplicable_families(model: &ModelReport) -> Vec<&'static str> {
    let mut families = Vec::new();
    for bound in &model.bounds {
        let family = bound.id.family();
        let applies = model.bounds.iter().any(|other| other.applicable && other.id.family() == family);
        if !applies && !families.contains(&family) {
            families.push(family);
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{BoundReport, Statement::*};

    #[test]
    fn a_family_applies_if_one_of_its_forms_does() {
        let bound = |(id, applicable)| BoundReport { id, applicable, ..BoundReport::default() };
        let forms =
            [(T1, false), (T1With4K, false), (T1DoublePrime, false), (T2, true), (T3, false), (T3DoublePrime, true)];
        let mut model = ModelReport { bounds: forms.map(bound).into(), ..ModelReport::default() };
        assert_eq!(inapplicable_families(&model), ["T1"]);
        model.bounds.pop();
        assert_eq!(inapplicable_families(&model), ["T1", "T3"]);
    }
}
