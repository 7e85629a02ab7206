//! The engine: a network optimised for one shape of batch, and run.

use std::sync::Arc;

use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, IntoRunnable, IntoTensor, Tensor, TractResult, TypedModel,
    TypedSimplePlan, tvec,
};

use super::graph::Graph;
use super::input::shown;
use super::quiet::quietly;
use super::sizes::analyse;
use crate::words::readable;

/// Elements of the input of a batch, where the network leaves the batch free: small enough to stay
/// near the cores.
const BATCH_ELEMENTS: usize = 1 << 20;
/// Images of a batch, where the network leaves it free.
const LARGEST_BATCH: usize = 64;

/// A network ready to run on batches of one size.
pub(super) struct Engine {
    plan: Arc<TypedSimplePlan>,
    element: DatumType,
    shape: [usize; 4],
}

impl Engine {
    /// Builds a network for images of C, H, W.
    ///
    /// # Errors
    /// What is wrong and what to do: images of another shape, operations that the engine does not
    /// have, results too large.
    pub fn build(graph: Graph, [channels, height, width]: [usize; 3]) -> Result<Self, String> {
        let [batch, rest @ ..] = graph.input.extents;
        let images = [channels, height, width];
        if rest.iter().zip(images).any(|(wanted, given)| wanted.is_some_and(|wanted| wanted != given)) {
            let last = rest[2].is_some() && rest[2] == Some(channels) && rest[0] != Some(channels);
            let remedy = if last {
                "channels stand last in it, export it with channels first"
            } else {
                "set `resize`, `crop` or `channels` to what it was trained on"
            };
            return Err(format!(
                "its input is {}, the images come as [N, {channels}, {height}, {width}]; {remedy}",
                shown(&graph.input.extents)
            ));
        }
        let free = (BATCH_ELEMENTS / images.iter().product::<usize>().max(1)).clamp(1, LARGEST_BATCH);
        let shape = [batch.unwrap_or(free), channels, height, width];
        let element = graph.input.element;
        let plan = guarded(|| optimised(&graph, shape)).map_err(|problem| {
            let operations = "if an operation is missing, export with another opset_version or the other exporter (dynamo=True or False)";
            format!("the engine cannot build it for {shape:?}: {problem}; {operations}")
        })?;
        Ok(Self { plan, element, shape })
    }

    /// Images in a batch.
    pub fn batch(&self) -> usize {
        self.shape[0]
    }

    /// Gives the logits of a batch of [`Engine::batch`] images, in rows, and how many there are in
    /// a row.
    pub fn logits(&self, images: &[f32]) -> Result<(Vec<f32>, usize), String> {
        let output = guarded(|| {
            let input = Tensor::from_shape(&self.shape, images)?.cast_to_dt(self.element)?.into_owned();
            let output = self.plan.run(tvec!(input.into_tensor().into()))?.remove(0).into_tensor();
            Ok(output.cast_to_dt(DatumType::F32)?.into_owned())
        });
        let output = output.map_err(|problem| format!("the engine cannot run it: {problem}"))?;
        match *output.shape() {
            [rows, classes] if rows == self.batch() && classes >= 2 => {
                let values = guarded(|| Ok(output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))?;
                Ok((values, classes))
            }
            _ => Err(format!(
                "for {} images it returns a tensor of shape {:?}; logits are [{0}, K] with K >= 2, choose them with `output`",
                self.batch(),
                output.shape()
            )),
        }
    }
}

fn optimised(graph: &Graph, shape: [usize; 4]) -> TractResult<Arc<TypedSimplePlan>> {
    let framework = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let mut model = framework.model_for_proto_model(&graph.model)?;
    model.set_input_fact(0, InferenceFact::dt_shape(graph.input.element, shape))?;
    let model: TypedModel = analyse(model, graph.stored)?.into_typed()?.into_decluttered()?.into_optimized()?;
    model.into_runnable()
}

/// Runs a step of the engine; its words are cut and shown as text. On some malformed networks it
/// panics.
fn guarded<T>(step: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    let shown = |words: String| {
        let words = readable(&words);
        let cut: String = words.chars().take(400).collect();
        if cut.len() < words.len() { format!("{cut}...") } else { cut }
    };
    match quietly(step) {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) => Err(shown(format!("{error:#}"))),
        None => Err("it is malformed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::Input;
    use super::*;
    use tract_onnx::pb::tensor_proto::DataType;
    use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
    use tract_onnx::pb::type_proto::{self, Value};
    use tract_onnx::pb::{
        GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    };

    fn node(operation: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: operation.to_owned(),
            name: output.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..Default::default()
        }
    }

    fn numbers(name: &str, numbers: &[i64]) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: vec![numbers.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: numbers.to_vec(),
            ..Default::default()
        }
    }

    fn floats(name: &str, dims: &[i64]) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: DataType::Float as i32,
            float_data: vec![0.5; dims.iter().product::<i64>() as usize],
            ..Default::default()
        }
    }

    /// A network on one grey image of 4 x 4 whose output is that of the last operation.
    fn built(nodes: Vec<NodeProto>, stored: Vec<TensorProto>) -> Result<Engine, String> {
        let extents = [1, 1, 4, 4];
        let dim =
            extents.map(|extent| Dimension { value: Some(dimension::Value::DimValue(extent)), ..Default::default() });
        let shape = Some(TensorShapeProto { dim: dim.to_vec() });
        let images = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
        let images = TypeProto { value: Some(Value::TensorType(images)), ..Default::default() };
        let value = |name: &str, told| ValueInfoProto { name: name.to_owned(), r#type: told, ..Default::default() };
        let graph = GraphProto {
            input: vec![value("x", Some(images))],
            output: vec![value(&nodes.last().unwrap().output[0], None)],
            node: nodes,
            initializer: stored,
            ..Default::default()
        };
        let model = ModelProto {
            ir_version: 8,
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            ..Default::default()
        };
        let input =
            Input { name: "x".to_owned(), element: DatumType::F32, extents: extents.map(|it| Some(it as usize)) };
        Engine::build(Graph { model, input, stored: 1000 }, [1, 4, 4])
    }

    fn refused(nodes: Vec<NodeProto>, stored: Vec<TensorProto>) -> String {
        built(nodes, stored).map(|_| ()).unwrap_err()
    }

    #[test]
    fn an_output_that_is_no_table_is_refused() {
        let engine = built(vec![node("Relu", &["x"], "y")], vec![]).unwrap();
        let error = engine.logits(&[0.0; 16]).unwrap_err();
        assert!(error.contains("[1, 1, 4, 4]") && error.contains("`output`"), "{error}");
    }

    #[test]
    fn what_would_fill_the_memory_is_refused_before_it_is_computed() {
        let large = [1 << 20, 1 << 20];
        let nodes = vec![node("ConstantOfShape", &["n"], "c"), node("Add", &["x", "c"], "y")];
        let error = refused(nodes, vec![numbers("n", &large)]);
        assert!(error.contains("would be [1048576, 1048576]"), "{error}");
        let error = refused(vec![node("Expand", &["x", "n"], "y")], vec![numbers("n", &[1 << 20, 1 << 20, 4, 4])]);
        assert!(error.contains("would be [1048576, 1048576, 4, 4]"), "{error}");
        let nodes = vec![node("Add", &["a", "b"], "c"), node("Add", &["x", "c"], "y")];
        let error = refused(nodes, vec![floats("a", &[8192, 1]), floats("b", &[1, 8192])]);
        assert!(error.contains("constants"), "{error}");
    }

    #[test]
    fn results_that_are_alive_together_are_added_up() {
        let names: Vec<String> = (0..20).map(|number| format!("e{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let nodes = |alive: usize| {
            let mut nodes: Vec<_> = names[..alive].iter().map(|name| node("Expand", &["x", "n"], name)).collect();
            nodes.push(node("Sum", &names[..alive], "y"));
            nodes
        };
        let stored = || vec![numbers("n", &[1 << 20, 1, 4, 4])];
        let error = refused(nodes(20), stored());
        assert!(error.contains("would be in memory"), "{error}");
        assert!(built(nodes(2), stored()).is_ok());
    }
}
