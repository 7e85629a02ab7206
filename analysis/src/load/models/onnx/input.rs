//! The images that a network takes.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Extent;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ValueInfoProto};
use tract_onnx::prelude::DatumType;

use crate::words::readable;

/// The input of a network.
pub(super) struct Input {
    pub name: String,
    /// Element type.
    pub element: DatumType,
    /// B, C, H, W, `None` where it is free.
    pub extents: [Option<usize>; 4],
}

impl Input {
    /// The only input that is no stored tensor.
    pub fn of(graph: &GraphProto) -> Result<Self, String> {
        let stored: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        let inputs: Vec<&ValueInfoProto> =
            graph.input.iter().filter(|input| !stored.contains(input.name.as_str())).collect();
        let [input] = inputs[..] else {
            let names: Vec<String> = inputs.iter().take(20).map(|input| readable(&input.name)).collect();
            return Err(format!("it has {} inputs ({}); one, the images, is run", inputs.len(), names.join(", ")));
        };
        let shown_name = readable(&input.name);
        let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|told| told.value.as_ref()) else {
            return Err(format!("its input {shown_name} is no tensor"));
        };
        let element = match DataType::try_from(tensor.elem_type) {
            Ok(DataType::Float) => DatumType::F32,
            Ok(DataType::Float16) => DatumType::F16,
            Ok(DataType::Double) => DatumType::F64,
            other => {
                let found = other.map_or("unknown", |found| found.as_str_name()).to_lowercase();
                return Err(format!(
                    "its input {shown_name} has elements of type {found}; export it for float32 images"
                ));
            }
        };
        let extents = tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| match dim.value {
            Some(Extent::DimValue(extent)) => usize::try_from(extent).ok().filter(|&extent| extent > 0),
            _ => None,
        });
        let extents: Vec<Option<usize>> = extents.collect();
        let shown = shown(&extents);
        let extents = <[Option<usize>; 4]>::try_from(extents)
            .map_err(|_| format!("its input {shown_name} is {shown}; images are [N, C, H, W]"))?;
        Ok(Self { name: input.name.clone(), element, extents })
    }
}

/// A shape as a person writes it.
pub(super) fn shown(extents: &[Option<usize>]) -> String {
    let shown = extents.iter().map(|extent| extent.map_or("free".to_owned(), |extent| extent.to_string()));
    format!("[{}]", shown.collect::<Vec<_>>().join(", "))
}
