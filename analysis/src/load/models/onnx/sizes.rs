//! The memory that a network needs, known from the shapes of its results before any of them is
//! computed.
//!
//! A file of a few hundred bytes can ask for terabytes: a constant expanded, or an image repeated.
//! Constants are computed while shapes are inferred, so the shape of each is looked at first.

use std::collections::{HashMap, HashSet};

use tract_onnx::prelude::{InferenceFact, InferenceModel, InferenceModelExt, OutletId, TractResult};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::bail;

/// Elements that results alive at one time may have together: 1 GiB in float32.
const MOST_ALIVE: usize = 1 << 28;
/// Elements of all that does not depend on the images, beside the bytes of the file.
const MOST_CONSTANT: usize = 1 << 24;

/// Infers every shape of a network whose input has one; `stored` are the bytes of its weights.
pub(super) fn analyse(model: InferenceModel, stored: usize) -> TractResult<InferenceModel> {
    let mut model = model.into_compact()?;
    let mut depends: HashSet<usize> = model.input_outlets()?.iter().map(|outlet| outlet.node).collect();
    let mut constant = 0usize;
    for node in model.eval_order()? {
        let elements = infer(&mut model, node)?;
        if depends.contains(&node) || model.node(node).inputs.iter().any(|input| depends.contains(&input.node)) {
            depends.insert(node);
        } else {
            constant += elements;
            if constant > MOST_CONSTANT.saturating_add(stored) {
                bail!("its constants have {constant} elements at {}", model.node(node).name);
            }
        }
    }
    model.analyse(false)?;
    check_alive(&model, &depends)?;
    Ok(model)
}

/// Infers the results of one operation, constants by computing them; gives their elements.
fn infer(model: &mut InferenceModel, node: usize) -> TractResult<usize> {
    let (inputs, outputs) = model.node_facts(node)?;
    let inputs: Vec<InferenceFact> = inputs.into_iter().cloned().collect();
    let outputs: Vec<InferenceFact> = outputs.into_iter().cloned().collect();
    let observed = model.node(node).op.observe_outlets(model, model.node(node))?;
    let observed = observed.into_iter().map(|outlet| model.outlet_fact(outlet).cloned());
    let observed: Vec<InferenceFact> = observed.collect::<TractResult<_>>()?;
    let facts = || (inputs.iter().collect(), outputs.iter().collect(), observed.iter().collect());
    let name = model.node(node).name.clone();
    let operation = &mut model.node_mut(node).op;
    let (given, wanted, seen) = facts();
    let (_, announced, _) = operation.infer_facts(given, wanted, seen)?;
    let mut elements = 0;
    for fact in &announced {
        elements += size(fact, &name)?;
    }
    let (given, wanted, seen) = facts();
    let (_, found, _) = operation.infer(given, wanted, seen)?;
    for (slot, (fact, known)) in found.iter().zip(&outputs).enumerate() {
        model.set_outlet_fact(OutletId::new(node, slot), fact.unify(known)?)?;
    }
    Ok(elements)
}

/// Elements of a result, 0 if they are not known yet.
fn size(fact: &InferenceFact, name: &str) -> TractResult<usize> {
    let Some(shape) = fact.shape.as_concrete_finite()? else { return Ok(0) };
    let elements = shape.iter().try_fold(1usize, |elements, &extent| elements.checked_mul(extent));
    let Some(elements) = elements.filter(|&elements| elements <= MOST_ALIVE) else {
        bail!("the result of {name} would be {shape:?}");
    };
    Ok(elements)
}

/// Results are dropped once nothing needs them; those alive together fit in memory.
fn check_alive(model: &InferenceModel, depends: &HashSet<usize>) -> TractResult<()> {
    let order: Vec<usize> = model.eval_order()?.into_iter().filter(|node| depends.contains(node)).collect();
    let mut last_use: HashMap<OutletId, usize> = HashMap::new();
    for &node in &order {
        last_use.extend(model.node(node).inputs.iter().map(|&input| (input, node)));
    }
    let (mut alive, mut sizes) = (0usize, HashMap::new());
    for &node in &order {
        let name = &model.node(node).name;
        for (slot, output) in model.node(node).outputs.iter().enumerate() {
            let elements = size(&output.fact, name)?;
            sizes.insert(OutletId::new(node, slot), elements);
            alive += elements;
        }
        if alive > MOST_ALIVE {
            bail!("{alive} elements would be in memory at {name}");
        }
        let done: HashSet<&OutletId> = model.node(node).inputs.iter().collect();
        alive -= done
            .into_iter()
            .filter(|&input| last_use[input] == node)
            .filter_map(|input| sizes.get(input))
            .sum::<usize>();
    }
    Ok(())
}
