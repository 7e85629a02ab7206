//! The tensors that a network stores, each with its bytes and no other.

use car_spectral_formats::onnx::OnnxFile;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, TensorProto};

use crate::words::readable;

/// Gives every tensor its bytes, wherever they lie, and holds their number against its shape: the
/// engine would make room for the shape first.
pub(super) fn complete(file: &OnnxFile, graph: &mut GraphProto) -> Result<(), String> {
    let sparse = graph.node.iter().flat_map(|node| &node.attribute);
    let sparse = sparse.map(|one| one.sparse_tensors.len() + usize::from(one.sparse_tensor.is_some())).sum::<usize>();
    if sparse + graph.sparse_initializer.len() > 0 {
        return Err("it has sparse tensors, which are not run; export dense ones".to_owned());
    }
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let within = attributes.flat_map(|attribute| attribute.t.iter_mut().chain(&mut attribute.tensors));
    for tensor in graph.initializer.iter_mut().chain(within) {
        fetch(file, tensor)?;
        check(tensor)?;
    }
    Ok(())
}

/// Puts the bytes of a tensor that lies in another file where those of others are.
fn fetch(file: &OnnxFile, tensor: &mut TensorProto) -> Result<(), String> {
    if tensor.data_location != Some(DataLocation::External as i32) {
        return Ok(());
    }
    let value =
        |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
    let number = |key: &str| value(key).and_then(|text| text.parse().ok());
    let bytes = file.beside(value("location").unwrap_or_default(), number("offset").unwrap_or(0), number("length"));
    let bytes = bytes.filter(|_| tensor.raw_data.is_empty());
    let bytes = bytes.ok_or_else(|| format!("tensor {} is not where it should be", readable(&tensor.name)))?;
    tensor.raw_data = bytes.to_vec();
    tensor.data_location = None;
    tensor.external_data.clear();
    Ok(())
}

/// Refuses a tensor whose bytes are not as many as its shape says.
fn check(tensor: &TensorProto) -> Result<(), String> {
    if tensor.raw_data.is_empty() {
        return Ok(());
    }
    let width = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Uint8 | DataType::Int8 | DataType::Bool) => 1,
        Ok(DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16) => 2,
        Ok(DataType::Float | DataType::Int32 | DataType::Uint32) => 4,
        Ok(DataType::Double | DataType::Int64 | DataType::Uint64) => 8,
        _ => return Err(format!("tensor {} has elements of a type that is not run", readable(&tensor.name))),
    };
    let bytes = tensor.dims.iter().try_fold(width, |bytes: usize, &extent| bytes.checked_mul(extent.try_into().ok()?));
    if bytes == Some(tensor.raw_data.len()) {
        return Ok(());
    }
    let (name, found) = (readable(&tensor.name), tensor.raw_data.len());
    Err(format!("tensor {name} of shape {:?} has {found} bytes; the file is damaged", tensor.dims))
}
