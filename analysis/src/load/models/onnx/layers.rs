//! The matrices of a network that T3 speaks of, read off its graph.

use ndarray::Array2;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Gives the matrices [outputs, inputs], first layer first, of a network that flattens its input
/// and is nothing but float32 matrices with ReLU between them; `None` for any other.
pub(super) fn relu_layers(graph: &GraphProto, input: &str) -> Option<Vec<Array2<f64>>> {
    let [flatten, nodes @ ..] = &graph.node[..] else { return None };
    let flattens = flatten.op_type == "Flatten" && flatten.attribute.iter().all(|one| one.name == "axis" && one.i == 1);
    let mut value = follows(flatten, input).filter(|_| flattens)?;
    let mut layers = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        value = follows(node, value)?;
        match (place % 2, node.op_type.as_str()) {
            (0, "Gemm" | "MatMul") => layers.push(matrix(node, graph)?),
            (1, "Relu") if place + 1 < nodes.len() => {}
            _ => return None,
        }
    }
    let [output] = &graph.output[..] else { return None };
    (output.name == value && !layers.is_empty()).then_some(layers)
}

/// The only output of an operation on `value`.
fn follows<'a>(node: &'a NodeProto, value: &str) -> Option<&'a str> {
    let [output] = &node.output[..] else { return None };
    (node.input.first().is_some_and(|input| input == value)).then_some(output)
}

/// The stored matrix that a layer without bias multiplies by.
fn matrix(node: &NodeProto, graph: &GraphProto) -> Option<Array2<f64>> {
    let [_, name] = &node.input[..] else { return None };
    let mut transposed = false;
    for attribute in &node.attribute {
        match attribute.name.as_str() {
            "transB" => transposed = attribute.i != 0,
            "transA" if attribute.i == 0 => {}
            "alpha" if attribute.f == 1.0 => {}
            "beta" => {}
            _ => return None,
        }
    }
    let stored = graph.initializer.iter().find(|tensor| tensor.name == *name)?;
    let values = floats(stored)?;
    let [rows, columns] = stored.dims[..] else { return None };
    let shape = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    let matrix = Array2::from_shape_vec(shape, values).ok()?;
    Some(if transposed { matrix } else { matrix.reversed_axes() })
}

/// The numbers of a tensor of float32.
pub(super) fn floats(tensor: &TensorProto) -> Option<Vec<f64>> {
    if tensor.data_type != DataType::Float as i32 {
        return None;
    }
    if tensor.raw_data.is_empty() {
        return Some(tensor.float_data.iter().map(|&value| f64::from(value)).collect());
    }
    let (values, rest) = tensor.raw_data.as_chunks();
    rest.is_empty().then(|| values.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use tract_onnx::pb::{AttributeProto, ValueInfoProto};

    fn node(operation: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: operation.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..Default::default()
        }
    }

    /// [2, 3] by rows 0, 1, 2 and 3, 4, 5.
    fn stored(name: &str) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: vec![2, 3],
            data_type: DataType::Float as i32,
            float_data: (0..6).map(|value| value as f32).collect(),
            ..Default::default()
        }
    }

    fn graph(nodes: Vec<NodeProto>) -> GraphProto {
        let output = nodes.last().unwrap().output[0].clone();
        GraphProto {
            node: nodes,
            initializer: vec![stored("A"), stored("B")],
            output: vec![ValueInfoProto { name: output, ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn matrices_map_inputs_to_outputs_however_they_are_stored() {
        let mut gemm = node("Gemm", &["r", "B"], "y");
        gemm.attribute.push(AttributeProto { name: "transB".to_owned(), i: 1, ..Default::default() });
        let nodes =
            vec![node("Flatten", &["x"], "f"), node("MatMul", &["f", "A"], "m"), node("Relu", &["m"], "r"), gemm];
        let layers = relu_layers(&graph(nodes), "x").unwrap();
        assert_eq!(layers, [array![[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]);
    }

    #[test]
    fn nothing_else_is_such_a_network() {
        let start = || vec![node("Flatten", &["x"], "f"), node("MatMul", &["f", "A"], "m")];
        let with = |more: Vec<NodeProto>| relu_layers(&graph([start(), more].concat()), "x");
        assert!(with(vec![]).is_some());
        assert!(with(vec![node("Relu", &["m"], "r")]).is_none(), "ReLU after the last layer");
        assert!(with(vec![node("Sigmoid", &["m"], "r"), node("MatMul", &["r", "B"], "y")]).is_none());
        assert!(with(vec![node("Relu", &["m"], "r"), node("MatMul", &["m", "B"], "y")]).is_none(), "ReLU is passed by");
        assert!(with(vec![node("Relu", &["m"], "r"), node("Gemm", &["r", "B", "A"], "y")]).is_none(), "a bias");
        assert!(relu_layers(&graph(start()), "z").is_none(), "another input");
        let mut scaled = start();
        scaled[1] = node("Gemm", &["f", "A"], "m");
        scaled[1].attribute.push(AttributeProto { name: "alpha".to_owned(), f: 2.0, ..Default::default() });
        assert!(relu_layers(&graph(scaled), "x").is_none(), "a factor");
    }
}
