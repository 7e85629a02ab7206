//! Storages and the tensors that view them, from the calls that torch writes (torch/_utils.py,
//! torch/serialization.py).

use super::globals::Global;
use super::machine::{Machine, PersistentIds};
use super::value::{Storage, Value, View};
use crate::quoting::{quoted, quoted_list};
use crate::{ElementType, InputError, Result};

/// Axes of a tensor; torch's own iteration ends at 64, and so do NumPy's arrays.
const MAX_RANK: usize = 64;

/// Bytes charged for a storage and for a view without its extents.
const STORAGE: u64 = 200;
const VIEW: u64 = 256;

impl Machine<'_, '_> {
    /// The storage that a persistent id refers to.
    ///
    /// torch keeps a storage by its key and forgets what later ids say of it; so they have to say
    /// the same.
    pub(super) fn persistent_id(&mut self) -> Result<Value> {
        let id = self.pop()?;
        if self.ids == PersistentIds::None {
            return Err(self.damaged("a reference to a storage in a pickle that has none"));
        }
        let Value::Tuple(at) = id else {
            return Err(self.damaged("a reference to a storage that is no tuple"));
        };
        let fields = match self.heap.list(at) {
            &[tag, class, key, _location, elements] => [tag, class, key, elements],
            &[tag, class, key, _location, elements, Value::None] if self.ids == PersistentIds::Legacy => {
                [tag, class, key, elements]
            }
            [_, _, _, _, _, _] if self.ids == PersistentIds::Legacy => {
                return Err(self.refuse("a storage that is a view of another, which PyTorch no longer writes"));
            }
            _ => return Err(self.damaged("a reference to a storage without its type, key and size")),
        };
        let [Value::Text(tag), Value::Global(class), Value::Text(key), Value::Integer(elements)] = fields else {
            return Err(self.damaged("a reference to a storage without its type, key and size"));
        };
        let tag = quoted(self.heap.spelled(tag));
        let element = match class {
            Global::Storage(element) if tag == "\"storage\"" => Some(element),
            Global::UntypedStorage if tag == "\"storage\"" => None,
            // Told at the end by its name.
            Global::Refused => return Ok(Value::None),
            _ => return Err(self.refuse(format!("a reference of kind {tag} to what is no storage"))),
        };
        let name = quoted(self.heap.spelled(key));
        let elements =
            u64::try_from(elements).map_err(|_| self.damaged(format!("storage {name} of {elements} elements")))?;
        let storage = Storage { key, element, elements };
        if let Some(&known) = self.storages.get(&key) {
            if *self.heap.storage(known) != storage {
                return Err(self.damaged(format!("storage {name} is described in two ways")));
            }
            return Ok(Value::Storage(known));
        }
        self.spend(STORAGE)?;
        self.heap.storages.push(storage);
        // The budget ends long before 2^32 storages.
        let index = (self.heap.storages.len() as u32).saturating_sub(1);
        self.storages.insert(key, index);
        Ok(Value::Storage(index))
    }

    /// The view that a call of one of the `_rebuild_tensor` functions describes.
    pub(super) fn rebuild_tensor(&mut self, function: Global, arguments: &[Value]) -> Result<Value> {
        let (head, tail) = arguments.split_at_checked(4).ok_or_else(|| self.malformed())?;
        let &[storage, offset, shape, strides] = head else { return Err(self.malformed()) };
        let element = match (function, tail) {
            (Global::RebuildTensor, []) => None,
            (Global::RebuildTensorV2, &[gradient, hooks, ref metadata @ ..]) if metadata.len() <= 1 => {
                self.check_attributes(gradient, hooks, metadata)?;
                None
            }
            (Global::RebuildTensorV3, &[gradient, hooks, Value::Global(kind), ref metadata @ ..])
                if metadata.len() <= 1 =>
            {
                self.check_attributes(gradient, hooks, metadata)?;
                match kind {
                    Global::ElementType(element) => Some(element),
                    Global::Refused => return Ok(Value::None),
                    _ => return Err(self.malformed()),
                }
            }
            _ => return Err(self.malformed()),
        };
        let (Value::Storage(index), Value::Integer(offset)) = (storage, offset) else {
            // A storage of a refused class, told at the end by its name.
            return if storage == Value::None { Ok(Value::None) } else { Err(self.malformed()) };
        };
        let (shape, strides) = (self.extents(shape)?, self.extents(strides)?);
        let offset = u64::try_from(offset).map_err(|_| self.malformed())?;
        if shape.len() != strides.len() {
            return Err(self.refuse(format!("a tensor of shape {shape:?} with strides {strides:?}")));
        }
        let stored = *self.heap.storage(index);
        let element = element.or(stored.element).unwrap_or(ElementType::U8);
        // `_rebuild_tensor_v3` reads any storage as bytes; the others read a typed one as its own type.
        if function == Global::RebuildTensorV3 && stored.element.is_some_and(|own| own != element) {
            return Err(self.refuse(format!("a tensor of {element} on a storage of another type")));
        }
        let view = View { storage: index, element, offset, shape, strides };
        self.check_inside(&view, &stored)?;
        self.spend(VIEW.saturating_add((view.shape.len() as u64).saturating_mul(16)))?;
        self.heap.tensors.push(view);
        Ok(Value::Tensor((self.heap.tensors.len() as u32).saturating_sub(1)))
    }

    /// The tensor of a parameter. Attributes set on it could be anything, its data included.
    pub(super) fn rebuild_parameter(&mut self, arguments: &[Value]) -> Result<Value> {
        let &[tensor, gradient, hooks, ref state @ ..] = arguments else { return Err(self.malformed()) };
        self.check_attributes(gradient, hooks, &[])?;
        match state {
            [] => {}
            &[state] if state == Value::None || self.is_empty(state) => {}
            _ => return Err(self.refuse("a parameter with attributes of its own")),
        }
        match tensor {
            Value::Tensor(_) | Value::None => Ok(tensor),
            _ => Err(self.refuse("a parameter of what is no tensor")),
        }
    }

    fn malformed(&self) -> InputError {
        self.refuse("a tensor is rebuilt from arguments that torch.save does not write")
    }

    fn is_empty(&self, value: Value) -> bool {
        self.heap.entries(value).is_some_and(std::collections::HashMap::is_empty)
    }

    /// Whether it needs gradients does not matter here; hooks and metadata (a sign, a conjugation)
    /// have to be absent.
    fn check_attributes(&self, gradient: Value, hooks: Value, metadata: &[Value]) -> Result<()> {
        if !matches!(gradient, Value::Bool(_)) {
            return Err(self.malformed());
        }
        if hooks != Value::None && !self.is_empty(hooks) {
            return Err(self.refuse("a tensor with hooks"));
        }
        match metadata {
            [] => Ok(()),
            &[metadata] if metadata == Value::None || self.is_empty(metadata) => Ok(()),
            &[metadata] => {
                let keys = self.heap.entries(metadata).into_iter().flat_map(|entries| entries.keys());
                let mut keys: Vec<String> = keys.take(20).map(|&key| self.heap.key(key)).collect();
                keys.sort_unstable();
                let keys = quoted_list(keys);
                Err(self.refuse(format!("a tensor with metadata ({keys}), by which its values are not those stored")))
            }
            _ => Err(self.malformed()),
        }
    }

    /// The non-negative integers of a tuple.
    fn extents(&self, value: Value) -> Result<Vec<u64>> {
        let items = self.heap.items(value).ok_or_else(|| self.malformed())?;
        if items.len() > MAX_RANK {
            return Err(self.refuse(format!("a tensor of {} axes, {MAX_RANK} are accepted", items.len())));
        }
        let extent = |item: &Value| match *item {
            Value::Integer(extent) => u64::try_from(extent).ok(),
            _ => None,
        };
        items
            .iter()
            .map(extent)
            .collect::<Option<_>>()
            .ok_or_else(|| self.refuse("a tensor whose shape and strides are not all non-negative integers"))
    }

    /// Checks that the last element of a view lies in its storage.
    fn check_inside(&self, view: &View, storage: &Storage) -> Result<()> {
        let size = view.element.size().unwrap_or(1) as u64;
        let available = storage.elements.saturating_mul(storage.element_size());
        if view.shape.contains(&0) {
            return Ok(());
        }
        let mut axes = view.shape.iter().zip(&view.strides);
        let last = axes.try_fold(view.offset, |last, (extent, stride)| {
            last.checked_add(extent.checked_sub(1)?.checked_mul(*stride)?)
        });
        let end = last.and_then(|last| last.checked_add(1)?.checked_mul(size));
        if end.is_some_and(|end| end <= available) {
            return Ok(());
        }
        let View { offset, shape, strides, .. } = view;
        let key = quoted(self.heap.spelled(storage.key));
        Err(self.damaged(format!(
            "a tensor of shape {shape:?} with strides {strides:?} at element {offset} reaches beyond storage {key} of \
             {available} bytes"
        )))
    }
}
