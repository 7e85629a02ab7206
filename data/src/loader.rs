//! Batches ahead of time: threads decode, augment and stack images while the network works on
//! earlier batches.
//!
//! ```text
//! order of the epoch -> batches of indices -> [thread: decode, one chain a view, stack] -> batches, in order
//! ```
//!
//! The random numbers of a sample follow from the seed, the epoch, its position in the epoch and
//! the view alone ([`crate::random`]): neither the number of threads nor their timing changes a
//! batch, and a run goes on at any epoch.
//!
//! Several views of a sample come from one decoded image, each by its own chain. A partner batch,
//! such as CutMix pastes from, is that of a second loader with another `stream`: its order and its
//! augmentation are independent of the first's.

use std::collections::VecDeque;
use std::iter::FusedIterator;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::DataError;
use crate::augment::Chain;
use crate::random::{self, Place, Purpose, generator};
use crate::sizes::{check_sizes, within};
use crate::{Order, Split};

/// Batches that are ready or being made, beyond one a thread.
const AHEAD: usize = 2;

/// The way in which a loader goes through its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Images in a batch, at least 1; the last of an epoch has what is left.
    pub batch_size: usize,
    /// Epochs to go through, from 1; the batches of one follow those of the one before without a
    /// pause.
    pub epochs: RangeInclusive<usize>,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Number of the loader among several with one seed: each has its own order and augmentation.
    pub stream: u8,
    /// Threads, at least 1. They hold so many batches and two more in memory.
    pub threads: usize,
}

/// One thread for each core.
pub fn all_cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// A batch of B images.
#[derive(Debug)]
pub struct Batch {
    /// The images, stacked, once for each chain.
    pub views: Vec<View>,
    /// Labels `[B]`.
    pub labels: Vec<usize>,
    /// The images' places in the split, `[B]`.
    pub indices: Vec<usize>,
}

/// The images of a batch after one chain.
#[derive(Debug, Default)]
pub struct View {
    /// C, H, W.
    pub shape: [usize; 3],
    /// B C H W bytes.
    pub bytes: Vec<u8>,
}

/// An iterator over the batches of some epochs. It ends after an error.
#[derive(Debug)]
pub struct Loader {
    split: Arc<Split>,
    order: Order,
    options: LoaderOptions,
    /// What is left of the epoch that jobs are made of, with the position of its first sample.
    epoch: Option<(usize, Vec<usize>, usize)>,
    jobs: Option<Sender<Job>>,
    /// The results of the jobs given out, in order.
    waiting: VecDeque<Receiver<Result<Batch, DataError>>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// A batch to be made.
#[derive(Debug)]
struct Job {
    epoch: usize,
    /// Position of the first sample in the epoch.
    first: usize,
    indices: Vec<usize>,
    done: Sender<Result<Batch, DataError>>,
}

impl Loader {
    /// Starts the threads, which begin with the first batches. One view for each of `chains`.
    ///
    /// # Errors
    /// [`DataError::Setting`] for a batch size or number of threads of 0, no chain, or more chains,
    /// streams, epochs or images than [`crate::random`] tells apart; [`DataError::File`] if no
    /// thread can be started.
    ///
    /// # Panics
    /// If the order has an index that is not in the split.
    pub fn new(split: Arc<Split>, order: Order, chains: Vec<Chain>, options: LoaderOptions) -> Result<Self, DataError> {
        check_sizes(options.batch_size, options.threads)?;
        within("epochs", *options.epochs.end(), 0, random::MOST_EPOCHS - 1)?;
        within("views", chains.len(), 1, usize::from(random::MOST_VIEWS))?;
        within("stream", usize::from(options.stream), 0, usize::from(random::MOST_STREAMS) - 1)?;
        within("images", order.len(), 0, random::MOST_POSITIONS - 1)?;
        assert!(order.largest().is_none_or(|index| index < split.labels.len()), "the order is that of another split");

        let (jobs, queue) = unbounded();
        let (chains, stop) = (Arc::new(chains), Arc::new(AtomicBool::new(false)));
        let mut loader = Self {
            split,
            order,
            options,
            epoch: None,
            jobs: Some(jobs),
            waiting: VecDeque::new(),
            threads: Vec::new(),
            stop,
        };
        for _ in 0..loader.options.threads {
            let worker = Worker {
                split: loader.split.clone(),
                chains: chains.clone(),
                seed: loader.options.seed,
                stream: loader.options.stream,
                stop: loader.stop.clone(),
            };
            let queue = queue.clone();
            let thread = thread::Builder::new().name("loader".to_owned()).spawn(move || worker.run(&queue));
            match thread {
                Ok(thread) => loader.threads.push(thread),
                Err(_) if !loader.threads.is_empty() => break,
                Err(error) => return Err(DataError::io(Path::new("a thread of the loader"))(error)),
            }
        }
        for _ in 0..loader.options.threads + AHEAD {
            loader.give_out_next();
        }
        Ok(loader)
    }

    /// Batches in an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.order.len().div_ceil(self.options.batch_size)
    }

    /// Hands the next batch to the threads, if one is left.
    fn give_out_next(&mut self) {
        let Some(jobs) = &self.jobs else { return };
        let (last, batch_size) = (*self.options.epochs.end(), self.options.batch_size);
        let (epoch, indices, first) = match self.epoch.take() {
            Some((epoch, indices, first)) if first < indices.len() => (epoch, indices, first),
            before => {
                let epoch = before.map_or(*self.options.epochs.start(), |(epoch, ..)| epoch + 1);
                if epoch > last || self.order.is_empty() {
                    // The threads end when they have made what is given out.
                    self.jobs = None;
                    return;
                }
                let place = Place { epoch, stream: self.options.stream, purpose: Purpose::Order, position: 0 };
                (epoch, self.order.epoch(&mut generator(self.options.seed, place)), 0)
            }
        };
        let end = indices.len().min(first + batch_size);
        let (done, result) = bounded(1);
        let job = Job { epoch, first, indices: indices[first..end].to_vec(), done };
        self.epoch = Some((epoch, indices, end));
        // Refused only if every thread has panicked; then so does who waits for the result.
        let _ = jobs.send(job);
        self.waiting.push_back(result);
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    /// Waits for the next batch.
    ///
    /// # Panics
    /// If a thread of the loader has panicked.
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.waiting.pop_front()?.recv().expect("no thread of the loader panics");
        match &batch {
            Ok(_) => self.give_out_next(),
            Err(_) => {
                self.jobs = None;
                self.waiting.clear();
            }
        }
        Some(batch)
    }
}

impl FusedIterator for Loader {}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// What a thread needs.
struct Worker {
    split: Arc<Split>,
    chains: Arc<Vec<Chain>>,
    seed: u64,
    stream: u8,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            // Nobody waits for the result any more if this fails.
            let _ = job.done.send(self.stack(job.epoch, job.first, job.indices));
        }
    }

    fn stack(&self, epoch: usize, first: usize, indices: Vec<usize>) -> Result<Batch, DataError> {
        let mut views: Vec<View> = self.chains.iter().map(|_| View::default()).collect();
        for (position, &index) in (first..).zip(&indices) {
            let original = self.split.images.pixels(index)?;
            for (number, (view, chain)) in (0..).zip(views.iter_mut().zip(self.chains.iter())) {
                let mut image = original.clone();
                let place = Place { epoch, stream: self.stream, purpose: Purpose::View(number), position };
                chain.apply(&mut image, &mut generator(self.seed, place));
                let shape = [image.channels, image.height, image.width];
                if view.bytes.is_empty() {
                    view.shape = shape;
                    view.bytes.reserve_exact(indices.len() * image.bytes.len());
                }
                if shape != view.shape {
                    let requirement = format!("images of shape {shape:?} and {:?} make no batch", view.shape);
                    return Err(DataError::setting("image-size", "none", requirement));
                }
                view.bytes.extend_from_slice(&image.bytes);
            }
        }
        let labels = indices.iter().map(|&index| self.split.labels[index]).collect();
        Ok(Batch { views, labels, indices })
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Pixels;
    use crate::augment::{Augmentation, PaddedCrop};
    use crate::{Images, Sampler, Subset};

    /// N images [1, 2, 2]: the index and three zeros; label index mod 3.
    fn split(count: usize) -> Arc<Split> {
        let bytes = (0..count).flat_map(|index| [index as u8, 0, 0, 0]).collect();
        Arc::new(Split {
            images: Images::InMemory { shape: [1, 2, 2], bytes },
            labels: (0..count).map(|index| index % 3).collect(),
            sha256: String::new(),
        })
    }

    fn options(epochs: RangeInclusive<usize>) -> LoaderOptions {
        LoaderOptions { batch_size: 4, epochs, seed: 5, stream: 0, threads: 3 }
    }

    fn shuffled(split: &Split) -> Order {
        Order::sampled(Sampler::InstanceBalanced, &Subset::full(&split.labels, 3)).unwrap()
    }

    /// Adds a random byte to every pixel but the first.
    #[derive(Debug)]
    struct Noise;

    impl Augmentation for Noise {
        fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
            image.bytes[1..].iter_mut().for_each(|byte| *byte = rng.random());
        }
    }

    /// All batches: indices and the bytes of each view.
    fn batches(loader: Loader) -> Vec<(Vec<usize>, Vec<Vec<u8>>)> {
        loader
            .map(|batch| {
                let batch = batch.unwrap();
                (batch.indices, batch.views.into_iter().map(|view| view.bytes).collect())
            })
            .collect()
    }

    #[test]
    fn batches_come_in_the_order_of_the_epochs_with_their_labels() {
        let split = split(10);
        let order = Order::Fixed((0..10).rev().collect());
        let loader = Loader::new(split, order, vec![Chain::new()], options(1..=2)).unwrap();
        assert_eq!(loader.steps_per_epoch(), 3);
        let found: Vec<Batch> = loader.map(Result::unwrap).collect();
        assert_eq!(found.len(), 6);
        for (step, batch) in found.iter().enumerate() {
            let expected: Vec<usize> = [vec![9, 8, 7, 6], vec![5, 4, 3, 2], vec![1, 0]][step % 3].clone();
            assert_eq!(batch.indices, expected);
            assert_eq!((batch.views[0].shape, batch.views[0].bytes.len()), ([1, 2, 2], 4 * expected.len()));
            let labels: Vec<usize> = expected.iter().map(|index| index % 3).collect();
            assert_eq!(batch.labels, labels);
            let pixels: Vec<u8> = expected.iter().flat_map(|&index| [index as u8, 0, 0, 0]).collect();
            assert_eq!(batch.views[0].bytes, pixels);
        }
    }

    #[test]
    fn threads_change_nothing_and_an_epoch_can_be_begun_with() {
        let split = split(50);
        let chains = || vec![Chain::new().then(Noise), Chain::new().then(PaddedCrop { padding: 1 })];
        let run = |epochs, threads| {
            let options = LoaderOptions { threads, ..options(epochs) };
            batches(Loader::new(split.clone(), shuffled(&split), chains(), options).unwrap())
        };
        let alone = run(1..=3, 1);
        assert_eq!(alone.len(), 3 * 13);
        for threads in [2, 7] {
            assert_eq!(run(1..=3, threads), alone);
        }
        assert_eq!(run(3..=3, 2), alone[26..]);
        // Epochs differ in order and noise, positions and views in noise.
        assert_ne!(alone[0].0, alone[13].0);
        let noises: std::collections::HashSet<&[u8]> =
            alone.iter().flat_map(|(_, views)| views[0].chunks_exact(4).map(|image| &image[1..])).collect();
        assert_eq!(noises.len(), 150);
    }

    #[test]
    fn another_stream_or_seed_has_another_order_and_augmentation() {
        let split = split(40);
        let run = |seed, stream, order: &Order| {
            let options = LoaderOptions { seed, stream, ..options(1..=1) };
            batches(Loader::new(split.clone(), order.clone(), vec![Chain::new().then(Noise); 2], options).unwrap())
        };
        let random = shuffled(&split);
        let first = run(5, 0, &random);
        assert_ne!(first[0].0, run(5, 1, &random)[0].0);
        assert_ne!(first[0].0, run(6, 0, &random)[0].0);
        let fixed = Order::Fixed((0..40).collect());
        let views = |seed, stream| run(seed, stream, &fixed)[0].1.clone();
        let all = [views(5, 0), views(5, 1), views(6, 0)].concat();
        assert!((1..6).all(|at| !all[..at].contains(&all[at])), "six views, all different");
    }

    #[test]
    fn a_file_that_cannot_be_decoded_ends_the_iteration_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..30).map(|index| folder.path().join(format!("{index}.png"))).collect();
        for (index, path) in paths.iter().enumerate() {
            let image = image::RgbImage::from_pixel(1 + (index as u32) % 2, 1, image::Rgb([7; 3]));
            image.save(path).unwrap();
        }
        std::fs::write(&paths[9], "no image").unwrap();
        let files = |paths: &[std::path::PathBuf]| {
            let images = Images::Files { paths: paths.to_vec(), bytes: 0 };
            Arc::new(Split { images, labels: vec![0; paths.len()], sha256: String::new() })
        };
        let start = |split: Arc<Split>, size| {
            let order = Order::Fixed((0..split.labels.len()).collect());
            let chain = Chain::evaluation(&split.images, size);
            Loader::new(split, order, vec![chain], options(1..=9)).unwrap()
        };
        let mut loader = start(files(&paths), Some(2));
        assert_eq!(loader.next().unwrap().unwrap().views[0].shape, [3, 2, 2]);
        loader.next().unwrap().unwrap();
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("9.png"), "{error}");
        assert!(loader.next().is_none());
        // Images of two sizes, not resized.
        let error = start(files(&paths[..2]), None).next().unwrap().unwrap_err().to_string();
        assert!(error.contains("image-size"), "{error}");
    }

    #[test]
    fn only_so_many_batches_are_made_ahead_and_a_loader_can_be_dropped_early() {
        use std::sync::atomic::AtomicUsize;
        #[derive(Debug)]
        struct Count(Arc<AtomicUsize>);
        impl Augmentation for Count {
            fn apply(&self, _: &mut Pixels, _: &mut ChaCha8Rng) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let made = Arc::new(AtomicUsize::new(0));
        let order = Order::Fixed((0..200).collect());
        let chain = Chain::new().then(Count(made.clone()));
        let mut loader = Loader::new(split(200), order, vec![chain], options(1..=1000)).unwrap();
        let wait_for = |count: usize| {
            let started = std::time::Instant::now();
            while made.load(Ordering::SeqCst) < count && started.elapsed().as_secs() < 20 {
                thread::sleep(std::time::Duration::from_millis(5));
            }
            // Time to make more, if it were wrong.
            thread::sleep(std::time::Duration::from_millis(50));
            assert_eq!(made.load(Ordering::SeqCst), count);
        };
        wait_for(4 * 5);
        loader.next().unwrap().unwrap();
        wait_for(4 * 6);
        drop(loader);
        wait_for(4 * 6);
    }

    #[test]
    fn settings_out_of_range_and_empty_orders() {
        let start = |chains, change: &dyn Fn(&mut LoaderOptions)| {
            let mut options = options(1..=1);
            change(&mut options);
            Loader::new(split(3), Order::Fixed(vec![0, 1]), vec![Chain::new(); chains], options)
        };
        start(1, &|_| ()).unwrap();
        let refused = |chains, change: &dyn Fn(&mut LoaderOptions), says: &str| {
            let error = start(chains, change).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        refused(0, &|_| (), "views");
        refused(1, &|options| options.batch_size = 0, "batch-size");
        refused(1, &|options| options.threads = 0, "loader-threads");
        refused(1, &|options| options.stream = 16, "stream");
        refused(1, &|options| options.epochs = 1..=1 << 20, "epochs");
        let empty = Loader::new(split(3), Order::Fixed(vec![]), vec![Chain::new()], options(1..=3)).unwrap();
        assert_eq!(empty.count(), 0);
    }
}
