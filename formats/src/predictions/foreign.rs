//! Files of other programs, refused with the line that converts them.

use std::path::Path;

use super::PredictionsError;
use crate::content::Content;
use crate::quoting::in_command;
use crate::{InputError, Result};

/// What joblib's pickles name, within so many bytes.
const JOBLIB: &[u8] = b"joblib.numpy_pickle";
const LOOKED_AT: usize = 4096;

/// Fails if the bytes, or the ending where they do not say it, are those of another program.
pub(super) fn refuse_foreign(content: &Content) -> Result<()> {
    let bytes = content.bytes.as_slice();
    let ends = content.file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = in_command(&content.file);
    let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let (found, line) = match (ends.as_str(), bytes) {
        ("rds", _) => {
            ("a file of R", format!("Rscript -e \"write.csv(readRDS('{name}'), 'predictions.csv', row.names=FALSE)\""))
        }
        ("rda" | "rdata", _) | (_, [b'R', b'D', b'X', ..]) => (
            "a file of R",
            format!("Rscript -e \"write.csv(get(load('{name}')), 'predictions.csv', row.names=FALSE)\""),
        ),
        _ if ends == "joblib" || start.windows(JOBLIB.len()).any(|part| part == JOBLIB) => {
            ("a file of joblib", format!("{}, which runs code of the file", of_joblib(&name)))
        }
        ("xlsx", [b'P', b'K', ..]) | (_, [0xd0, 0xcf, 0x11, 0xe0, ..]) => {
            ("an Excel workbook", of_pandas(&format!("read_excel('{name}')")))
        }
        (_, [b'F', b'E', b'A', b'1', ..]) => {
            ("a Feather table of the first version", of_pandas(&format!("read_feather('{name}')")))
        }
        (_, [0x89, b'H', b'D', b'F', ..]) => ("an HDF5 file", of_hdf5(&name, "v[()]")),
        // Version 7.3 is HDF5, whose extents MATLAB writes in their reverse.
        _ if bytes.starts_with(b"MATLAB 7.3") => ("a file of MATLAB", of_hdf5(&name, "v[()].T")),
        _ if bytes.starts_with(b"MATLAB ") => ("a file of MATLAB", of_matlab(&name)),
        _ if bytes.starts_with(b"SQLite format 3\0") => ("a database of SQLite", of_sqlite(&name)),
        ("tfrecord" | "tfrecords", _) => ("records of TensorFlow", of_tensorflow(&name)),
        _ if is_printed(start) => (
            "a table as DuckDB or polars prints it, which leaves out rows",
            "df.write_csv(\"predictions.csv\") in its place".to_owned(),
        ),
        _ if bytes.get(257..262) == Some(b"ustar") => ("a tar archive", format!("tar -xf '{name}'")),
        _ => return Ok(()),
    };
    Err(refused(&content.file, found, line))
}

/// Whether a table stands in a box, behind at most a line on its shape.
fn is_printed(start: &[u8]) -> bool {
    let corner = "┌".as_bytes();
    let second = start.iter().position(|&byte| byte == b'\n').and_then(|end| start.get(end.saturating_add(1)..));
    start.starts_with(corner) || (start.starts_with(b"shape: ") && second.is_some_and(|line| line.starts_with(corner)))
}

/// The refusal of what another program wrote.
pub(super) fn refused(file: &Path, found: &'static str, line: String) -> InputError {
    PredictionsError::Foreign { file: file.to_path_buf(), found, line }.into()
}

fn of_pandas(read: &str) -> String {
    format!("python -c \"import pandas as pd; pd.{read}.to_csv('predictions.csv', index=False)\"")
}

fn of_joblib(name: &str) -> String {
    format!(
        "python -c \"import joblib, numpy; d = joblib.load('{name}'); d.to_csv('predictions.csv', index=False) if \
         hasattr(d, 'to_csv') else numpy.savez('predictions.npz', **d) if isinstance(d, dict) else \
         numpy.savez('predictions.npz', *d)\""
    )
}

fn of_hdf5(name: &str, value: &str) -> String {
    format!(
        "python -c \"import h5py, numpy; d = {{}}; h5py.File('{name}').visititems(lambda k, v: \
         d.update({{k.replace('/', '.'): {value}}}) if hasattr(v, 'shape') and k[0] != '#' else None); \
         numpy.savez('predictions.npz', **d)\""
    )
}

fn of_matlab(name: &str) -> String {
    format!(
        "python -c \"import scipy.io, numpy; d = scipy.io.loadmat('{name}'); \
         numpy.savez('predictions.npz', **{{k: v for k, v in d.items() if k[0] != '_'}})\""
    )
}

fn of_sqlite(name: &str) -> String {
    format!(
        "python -c \"import sqlite3, pandas as pd; c = sqlite3.connect('{name}'); \
         t = c.execute('select name from sqlite_master').fetchone()[0]; \
         pd.read_sql('select * from [' + t + ']', c).to_csv('predictions.csv', index=False)\", which takes its first table"
    )
}

fn of_tensorflow(name: &str) -> String {
    format!(
        "python -c \"import tensorflow as tf, numpy; f = [tf.train.Example.FromString(r.numpy()).features.feature for r \
         in tf.data.TFRecordDataset('{name}')]; numpy.savez('predictions.npz', \
         logits=[list(e['logits'].float_list.value) for e in f], labels=[e['label'].int64_list.value[0] for e in f])\", \
         with the names that its features have"
    )
}

/// The line that joins what a `BasePredictionWriter` of Lightning left in a folder, in the order of
/// the samples.
pub(super) fn of_lightning(folder: &Path) -> String {
    let name = in_command(folder);
    format!(
        "python -c \"import torch, glob; all = lambda n: [torch.load(p) for p in sorted(glob.glob('{name}/' + n))]; \
         flat = lambda o: [i for part in o for i in flat(part)] if isinstance(o, (list, tuple)) else [int(o)]; \
         z = torch.cat([b['logits'] if isinstance(b, dict) else b[0] if isinstance(b, (list, tuple)) else b \
         for part in all('predictions_*.pt') for b in part]); i = torch.tensor(flat(all('batch_indices_*.pt'))); \
         s = torch.zeros(int(i.max()) + 1, z.shape[1], dtype=z.dtype); s[i] = z; torch.save(s, 'logits.pt')\", \
         which gives the scores of the samples in order, for a pair logits.pt,LABELS"
    )
}

#[cfg(test)]
mod tests {
    use crate::predictions::{PredictionSource, read};
    use crate::testing::with_file;

    fn said(name: &str, bytes: &[u8]) -> String {
        with_file(name, bytes, |file| read(&PredictionSource::File(file.to_path_buf())).unwrap_err().to_string())
    }

    #[test]
    fn what_another_program_wrote_is_called_by_its_name_with_a_line() {
        for (name, bytes, [found, line]) in [
            ("a.rds", &b"\x1f\x8b\x08"[..], ["a file of R", "write.csv(readRDS('"]),
            ("a.rda", b"\x1f\x8b\x08", ["a file of R", "write.csv(get(load('"]),
            ("a", b"RDX3\nX\n", ["a file of R", "write.csv(get(load('"]),
            ("a.xlsx", b"PK\x03\x04", ["an Excel workbook", "pd.read_excel('"]),
            ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", ["an Excel workbook", "pd.read_excel('"]),
            ("a", b"\x80\x04\x95cjoblib.numpy_pickle\nN", ["a file of joblib", "joblib.load('"]),
            ("a.h5", b"\x89HDF\r\n\x1a\n", ["an HDF5 file", "v[()]})"]),
            ("a.mat", b"MATLAB 5.0 MAT-file", ["a file of MATLAB", "scipy.io.loadmat('"]),
            ("a.mat", b"MATLAB 7.3 MAT-file", ["a file of MATLAB", "v[()].T})"]),
            ("a.db", b"SQLite format 3\0", ["a database of SQLite", "sqlite3.connect('"]),
            ("a.txt", "┌───────┐\n│ label │\n".as_bytes(), ["a table as DuckDB or polars prints it", "write_csv("]),
            ("a.txt", "shape: (3, 1)\n┌───┐\n│ a │\n".as_bytes(), ["which leaves out rows", "write_csv("]),
            ("a.tfrecord", b"\x42\0\0\0\0\0\0\0", ["records of TensorFlow", "tf.data.TFRecordDataset('"]),
        ] {
            let said = said(name, bytes);
            assert!(said.contains(found) && said.contains(line), "{name}: {said}");
        }
    }

    #[test]
    fn batches_whose_order_other_files_tell_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["predictions_0.pt", "batch_indices_0.pt"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let said = read(&PredictionSource::File(folder.path().to_path_buf())).unwrap_err().to_string();
        assert!(said.contains("batch_indices") && said.contains("s[i] = z"), "{said}");
    }

    #[test]
    fn tensors_that_are_not_plain_are_made_so_as_they_were_saved() {
        let named = |global: &str| [b"\x80\x02c", global.as_bytes(), b"\nK\0."].concat();
        let pickled = said("a.pkl", &named("torch.storage\n_load_from_bytes"));
        assert!(pickled.contains("torch.save(f(pickle.load(open('") && pickled.contains("'plain.pt')"), "{pickled}");
        let saved = |global: &str| {
            let program = named(global);
            said("a.pt", &crate::testing::archive(&[("a/data.pkl", &program), ("a/byteorder", b"little")], false))
        };
        for global in ["torch._utils\n_rebuild_sparse_tensor", "torch\nfloat8_e4m3fn"] {
            let said = saved(global);
            assert!(said.contains("torch.save(f(torch.load('") && said.contains("o.to_dense()"), "{said}");
        }
        assert!(saved("torch.return_types\ntopk").contains("logits=NAME"));
        assert!(saved("torch.utils.data.dataset\nTensorDataset").contains(".tensors), 'predictions.pt')"));
        assert!(!saved("__main__\nNet").contains("plain.pt"));
    }
}
