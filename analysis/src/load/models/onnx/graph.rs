//! The graph of a network, decoded and checked before the engine sees it: names, order, kinds of
//! operations, and its input.
//!
//! The engine knows operations by name only and takes every order; what it would misread is refused
//! here.

use std::collections::{BTreeMap, HashSet};

use car_spectral_formats::ElementType;
use car_spectral_formats::onnx::OnnxFile;
use car_spectral_formats::weights::{KeptNormalisation, Tensor, TensorData, kept_normalisation};
use ndarray::Array2;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::prelude::{DatumType, Framework};

use super::input::Input;
use super::layers::{floats, relu_layers};
use super::{select, stored};
use crate::words::readable;

/// Operations whose result is another every time.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// A checked network with one input and one output.
pub(super) struct Graph {
    pub model: ModelProto,
    pub input: Input,
    /// Bytes of the files it was read from.
    pub stored: usize,
}

impl Graph {
    /// Decodes and checks a network; `output` chooses among several outputs.
    pub fn of(file: &OnnxFile, output: Option<&str>) -> Result<Self, String> {
        let mut bytes = file.bytes.as_slice();
        let mut model = tract_onnx::onnx()
            .proto_model_for_read(&mut bytes)
            .map_err(|error| format!("no whole ONNX network: {}", readable(&error.to_string())))?;
        if !model.functions.is_empty() {
            return Err(
                "it has functions of its own, which are not run; export it again with operations inlined".to_owned()
            );
        }
        let graph = model.graph.as_mut().ok_or("there is no graph in it")?;
        stored::complete(file, graph)?;
        check_names(graph)?;
        graph.node.iter().try_for_each(|node| check_operation(node, graph))?;
        let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        let chosen = graph.output[select::output(&names, output)?].clone();
        graph.output = vec![chosen];
        let input = Input::of(graph)?;
        let stored = file.files.iter().map(|file| file.bytes as usize).sum();
        Ok(Self { model, input, stored })
    }

    /// The matrices of a network that is nothing else but ReLU between them.
    pub fn relu_layers(&self) -> Option<Vec<Array2<f64>>> {
        let graph = self.model.graph.as_ref().filter(|_| self.input.element == DatumType::F32)?;
        relu_layers(graph, &self.input.name)
    }

    /// Means and deviations by which the network normalises its input.
    pub fn normalisation(&self) -> Option<KeptNormalisation> {
        self.model.graph.as_ref().and_then(normalisation)
    }

    /// The value under a key of the network's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.model.metadata_props.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }
}

fn normalisation(graph: &GraphProto) -> Option<KeptNormalisation> {
    let small = |tensor: &TensorProto| {
        let is_small = tensor.raw_data.len() <= 16 && tensor.float_data.len() <= 4;
        let data = TensorData::F64(is_small.then(|| floats(tensor)).flatten()?);
        let shape = tensor.dims.iter().map(|&extent| usize::try_from(extent).ok()).collect::<Option<_>>()?;
        Some((tensor.name.clone(), Tensor { shape, data, stored_dtype: ElementType::F32 }))
    };
    let small: BTreeMap<String, Tensor> = graph.initializer.iter().filter_map(small).collect();
    kept_normalisation(small.iter())
}

/// Every name is given once, before it is used.
fn check_names(graph: &GraphProto) -> Result<(), String> {
    let mut known: HashSet<&str> = HashSet::new();
    for tensor in &graph.initializer {
        if !known.insert(&tensor.name) {
            return Err(format!("two tensors are called {}", readable(&tensor.name)));
        }
    }
    let mut inputs: HashSet<&str> = HashSet::new();
    for input in &graph.input {
        if !inputs.insert(&input.name) {
            return Err(format!("two inputs are called {}", readable(&input.name)));
        }
    }
    known.extend(inputs);
    for node in &graph.node {
        if let Some(name) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name.as_str())) {
            let (node, name) = (described(node), readable(name));
            return Err(format!("{node} uses {name}, which nothing before it gives"));
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !known.insert(name) {
                return Err(format!("{} gives {} a second time", described(node), readable(name)));
            }
        }
    }
    let missing = graph.output.iter().find(|output| !known.contains(output.name.as_str()));
    missing.map_or(Ok(()), |output| Err(format!("nothing gives the output {}", readable(&output.name))))
}

fn check_operation(node: &NodeProto, graph: &GraphProto) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{}: {why}", described(node)));
    if !matches!(node.domain.as_str(), "" | "ai.onnx") {
        let domain = readable(&node.domain);
        return refuse(&format!("an operation of {domain}; export with the standard operations alone"));
    }
    if node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
        return refuse("branches and loops are not run; export with fixed sizes (no dynamic axis but the batch)");
    }
    if RANDOM.contains(&node.op_type.as_str()) {
        return refuse("its result is random; export in evaluation mode (model.eval())");
    }
    let training = match node.op_type.as_str() {
        "BatchNormalization" => node.attribute.iter().any(|one| one.name == "training_mode" && one.i != 0),
        "Dropout" => node.input.get(2).is_some_and(|name| is_true(name, graph)),
        _ => false,
    };
    if training { refuse("exported in training mode; call model.eval() and export again") } else { Ok(()) }
}

/// Whether a name is that of a stored truth value that is true.
fn is_true(name: &str, graph: &GraphProto) -> bool {
    let stored = graph.initializer.iter().find(|tensor| tensor.name == name);
    let constant = || {
        let node = graph.node.iter().find(|node| node.op_type == "Constant" && node.output.iter().any(|it| it == name));
        node?.attribute.iter().find_map(|attribute| attribute.t.as_ref())
    };
    let set = |tensor: &TensorProto| tensor.raw_data.iter().any(|&byte| byte != 0) || tensor.int32_data.contains(&1);
    stored.or_else(constant).is_some_and(set)
}

fn described(node: &NodeProto) -> String {
    let operation = readable(&node.op_type);
    if node.name.is_empty() {
        format!("node {operation}")
    } else {
        format!("node {} ({operation})", readable(&node.name))
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::tensor_proto::DataType;

    use super::*;

    #[test]
    fn numbers_that_a_network_takes_off_its_input_are_found() {
        let tensor = |name: &str, values: &[f32]| TensorProto {
            name: name.to_owned(),
            dims: vec![1, values.len() as i64, 1, 1],
            data_type: DataType::Float as i32,
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..Default::default()
        };
        let initializer = vec![
            tensor("model.bn1.weight", &[1.0; 64]),
            tensor("normalize.mean", &[0.5, 0.25, 0.75]),
            tensor("normalize.std", &[0.5, 0.5, 0.25]),
        ];
        let kept = normalisation(&GraphProto { initializer, ..Default::default() }).unwrap();
        assert_eq!((kept.mean, kept.std), (vec![0.5, 0.25, 0.75], vec![0.5, 0.5, 0.25]));
        assert_eq!(normalisation(&GraphProto::default()), None);
    }
}
