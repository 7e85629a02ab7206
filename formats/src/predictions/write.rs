//! Prediction files: compressed .npz with `logits` [N, K] float32, `labels` `[N]` int64 and
//! `indices` `[N]` int64 (each sample's place in the full split).

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ndarray::ArrayView2;
use npyz::{AutoSerialize, NpyWriter, WriteOptions, WriterBuilder};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::FileError;
use crate::atomic::write_atomically;

/// Takes the logits [B, K] of a batch.
pub type TakeRows<'a, E> = dyn FnMut(ArrayView2<'_, f32>) -> Result<(), E> + 'a;

/// Writes one prediction file, atomically, of N labels, N indices and the logits that `fill` hands
/// on batch by batch: no more than a batch of them is held.
///
/// # Errors
/// [`FileError::Io`] naming the file; [`FileError::Malformed`] if the logits are not N rows of K;
/// those of `fill`.
pub fn write<E: From<FileError>>(
    path: &Path,
    num_classes: usize,
    labels: &[usize],
    indices: &[usize],
    fill: impl FnOnce(&mut TakeRows<'_, E>) -> Result<(), E>,
) -> Result<(), E> {
    write_atomically(path, |file| {
        let mut archive = ZipWriter::new(FailsOnce { inner: file, position: 0, end: 0, failed: false });
        if let Err(error) = members(path, &mut archive, num_classes, [labels, indices], fill) {
            // It would be written to its end, with what was not.
            std::mem::forget(archive);
            return Err(error);
        }
        archive.finish().map_err(|error| FileError::io(path)(error.into()))?;
        Ok(())
    })
}

/// The members of the archive.
fn members<E: From<FileError>>(
    path: &Path,
    archive: &mut Archive<'_, '_>,
    num_classes: usize,
    [labels, indices]: [&[usize]; 2],
    fill: impl FnOnce(&mut TakeRows<'_, E>) -> Result<(), E>,
) -> Result<(), E> {
    let samples = labels.len();
    array::<f32, E>(path, archive, "logits", &[samples, num_classes], |writer| {
        let mut rows = 0_usize;
        fill(&mut |logits| {
            rows = rows.saturating_add(logits.nrows());
            if rows > samples || logits.ncols() != num_classes {
                let problem = format!("{rows} rows of {} logits, expected {samples} of {num_classes}", logits.ncols());
                return Err(FileError::malformed(path, problem).into());
            }
            Ok(writer.extend(logits.iter().copied()).map_err(FileError::io(path))?)
        })?;
        if rows < samples {
            return Err(FileError::malformed(path, format!("{rows} rows of logits, expected {samples}")).into());
        }
        Ok(())
    })?;
    for (name, values) in [("labels", labels), ("indices", indices)] {
        array::<i64, E>(path, archive, name, &[samples], |writer| {
            Ok(writer.extend(values.iter().map(|&value| value as i64)).map_err(FileError::io(path))?)
        })?;
    }
    Ok(())
}

type Archive<'a, 'b> = ZipWriter<FailsOnce<&'a mut BufWriter<&'b File>>>;
type ArrayWriter<'a, 'b, 'c, T> = NpyWriter<T, BufWriter<&'a mut Archive<'b, 'c>>>;

/// A member NAME.npy whose elements `fill` writes in the order of the rows.
fn array<'b, 'c, T: AutoSerialize, E: From<FileError>>(
    path: &Path,
    archive: &mut Archive<'b, 'c>,
    name: &str,
    shape: &[usize],
    fill: impl for<'a> FnOnce(&mut ArrayWriter<'a, 'b, 'c, T>) -> Result<(), E>,
) -> Result<(), E> {
    let failed = || FileError::io(path);
    let options = SimpleFileOptions::default().large_file(true);
    archive.start_file(format!("{name}.npy"), options).map_err(|error| failed()(error.into()))?;
    // A member takes what it is given at once, and elements come one by one.
    let buffer = BufWriter::with_capacity(1 << 16, archive);
    let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    let options = WriteOptions::new().default_dtype().shape(&shape).writer(buffer);
    let mut writer = options.begin_nd().map_err(failed())?;
    fill(&mut writer)?;
    Ok(writer.finish().map_err(failed())?)
}

/// A file of which the first failure is told and all that comes after it passes: an archive that
/// cannot be finished tries again when it is dropped, and would print that it cannot.
struct FailsOnce<W> {
    inner: W,
    /// From the file's beginning, in bytes, and how far it went.
    position: u64,
    end: u64,
    failed: bool,
}

impl<W> FailsOnce<W> {
    fn attempt<T>(&mut self, otherwise: T, of: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Ok(otherwise);
        }
        let done = of(&mut self.inner);
        self.failed = done.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for FailsOnce<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.attempt(bytes.len(), |inner| inner.write(bytes))?;
        self.position = self.position.saturating_add(written as u64);
        self.end = self.end.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), Write::flush)
    }
}

impl<W: Seek> Seek for FailsOnce<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let otherwise = match to {
            SeekFrom::Start(place) => place,
            SeekFrom::Current(_) | SeekFrom::End(_) => self.end,
        };
        self.position = self.attempt(otherwise, |inner| inner.seek(to))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Axis, array};
    use ndarray_npy::NpzReader;

    use super::*;
    use crate::predictions::{Logits, PredictionSource, read};

    #[test]
    fn what_is_written_reads_back_with_names_types_and_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.npz");
        let logits = array![[0.1f32, -2.0, 3.5], [1e-30, 4.0, -0.0], [7.0, 8.0, 9.0]];
        let in_batches = |size: usize| {
            let logits = &logits;
            move |take: &mut TakeRows<'_, FileError>| logits.axis_chunks_iter(Axis(0), size).try_for_each(take)
        };
        for size in [1, 2, 3] {
            write(&path, 3, &[2, 1, 0], &[40_000, 7, 8], in_batches(size)).unwrap();
            let mut archive = NpzReader::new(File::open(&path).unwrap()).unwrap();
            assert_eq!(archive.names().unwrap(), ["logits", "labels", "indices"]);
            let found: Array2<f32> = archive.by_name("logits").unwrap();
            assert_eq!(found, logits);
            assert_eq!(archive.by_name::<ndarray::OwnedRepr<i64>, ndarray::Ix1>("labels").unwrap(), array![2, 1, 0]);
            let indices: Array1<i64> = archive.by_name("indices").unwrap();
            assert_eq!(indices, array![40_000, 7, 8]);
            let found = read(&PredictionSource::File(path.clone())).unwrap();
            assert!(matches!(found.logits, Logits::F32(found) if found == logits));
        }
        let before = std::fs::read(&path).unwrap();
        for (classes, labels) in [(3, vec![0; 2]), (3, vec![0; 4]), (2, vec![0; 3])] {
            let refused = write(&path, classes, &labels, &labels, in_batches(1)).unwrap_err().to_string();
            assert!(
                refused.contains("test.npz") && refused.contains(&format!("expected {}", labels.len())),
                "{refused}"
            );
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
        // Compressed: a table of zeros takes a fraction of its size.
        let zeros = Array2::zeros((1000, 10));
        write::<FileError>(&path, 10, &[0; 1000], &[0; 1000], |take| take(zeros.view())).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 10_000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// What is dropped behind an error tries once more, and prints what fails then: nothing may
    /// reach the disk.
    #[test]
    fn an_archive_behind_a_full_disk_ends_in_silence() {
        struct Disk<'a> {
            bytes: io::Cursor<Vec<u8>>,
            room: usize,
            failures: &'a std::cell::Cell<usize>,
        }
        impl Write for Disk<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.bytes.get_ref().len() + bytes.len() > self.room {
                    self.failures.set(self.failures.get() + 1);
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.bytes.write(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl Seek for Disk<'_> {
            fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                self.bytes.seek(to)
            }
        }
        let options = SimpleFileOptions::default().large_file(true);
        let mut refused = 0;
        for room in 0..400 {
            let failures = std::cell::Cell::new(0);
            let inner = Disk { bytes: io::Cursor::default(), room, failures: &failures };
            let mut archive = ZipWriter::new(FailsOnce { inner, position: 0, end: 0, failed: false });
            let started = archive.start_file("logits.npy", options).map_err(io::Error::from);
            if started.and_then(|()| archive.write_all(&[7; 100])).and_then(|()| archive.flush()).is_err() {
                std::mem::forget(archive);
                continue;
            }
            refused += usize::from(archive.finish().is_err());
            assert!(failures.get() <= 1, "{room} bytes: {} writes failed", failures.get());
        }
        assert!(refused > 30, "{refused}");
    }
}
