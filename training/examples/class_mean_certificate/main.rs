//! T7 on real images: what a head of class means on frozen features can be certified to, from the
//! images it was trained on.
//!
//! ```text
//! cargo run -p car-spectral-training --example class_mean_certificate -- --cifar100 cifar-100-binary
//! ```
//! Fashion-MNIST with random ReLU features, and ten classes of CIFAR-100 with EfficientNet-Lite0 as
//! trained on ImageNet (`python3 scripts/setup.py efficientnet-lite0`). Per split (a seed): a fifth
//! of each class gives the metric, two fifths of it are T. Beside T7's certificate of the head
//! trained on all images stands the held-out one, max_j u_j(δ) on T, of the head trained without T,
//! and the floor that no bound of the worst class from so many images can go below (T4). Writes
//! `table.md` and `table.json`.

mod features;
mod head;
mod report;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use car_spectral::bounds::worst_class_floor;
use car_spectral_data::{DataKind, DataSet, DataSource};
use clap::Parser;

use features::{Features, Pretrained, RandomRelu, checksums, chosen_images};
use report::{Report, Row};

const DELTA: f64 = 0.05;
/// Images at the beginning of each class of Fashion-MNIST that 0.4 for the share of T and the kind
/// of random features were picked by. They take no part: T7 asks for what is fixed before T is
/// seen.
const LOOKED_AT: usize = 500;
/// Images a class and random units.
const FASHION_MNIST: [(usize, usize); 3] = [(500, 300), (2000, 500), (5500, 1000)];

#[derive(Parser)]
struct Arguments {
    /// Folder of Fashion-MNIST
    #[arg(long, default_value = ".data/fashion-mnist")]
    fashion_mnist: PathBuf,
    /// Folder of CIFAR-100, binary version; without it only Fashion-MNIST is run
    #[arg(long)]
    cifar100: Option<PathBuf>,
    /// Classes of CIFAR-100, by number
    #[arg(long, value_delimiter = ',', default_value = "0,8,16,24,32,40,48,56,64,72")]
    classes: Vec<usize>,
    /// Part of each class that is T; a fifth is the metric's
    #[arg(long, default_value_t = 0.4)]
    share: f64,
    /// Seeds of the splits
    #[arg(long, value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Seed of the random ReLU units
    #[arg(long, default_value_t = 7)]
    feature_seed: u64,
    /// Weights of EfficientNet-Lite0
    #[arg(long, default_value = ".data/efficientnet-lite0.pth")]
    pretrained: PathBuf,
    /// Folder where computed features are kept
    #[arg(long, default_value = "out/class-mean-head")]
    cache: PathBuf,
    /// Folder of the tables
    #[arg(long, default_value = "figures/class-mean-head")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.share > 0.0 && arguments.share <= 0.7, "--share {}: above 0 and at most 0.7", arguments.share);
    ensure!(!arguments.seeds.is_empty(), "--seeds: at least one");
    let load = |kind, folder: &PathBuf| DataSource::new(kind, folder).load();
    let fashion_mnist = load(DataKind::FashionMnist, &arguments.fashion_mnist)?;
    let classes: Vec<usize> = (0..10).collect();
    let mut rows = Vec::new();
    for (images, units) in FASHION_MNIST {
        let features = RandomRelu::new(28 * 28, units, arguments.feature_seed);
        let [train, test] = of_both(&fashion_mnist, &classes, LOOKED_AT..LOOKED_AT + images, |split, chosen| {
            features.of(split, chosen)
        })?;
        rows.push(arguments.row("Fashion-MNIST", format!("{units} random ReLU"), &train, &test)?);
    }
    let mut sources = vec![("Fashion-MNIST", checksums(&fashion_mnist))];
    let mut weights = None;
    if let Some(folder) = &arguments.cifar100 {
        let data = load(DataKind::Cifar100, folder)?;
        let network = Pretrained::new(&arguments.pretrained, &arguments.cache)?;
        let classes = &arguments.classes;
        let different: BTreeSet<_> = classes.iter().filter(|&&class| class < 100).collect();
        ensure!(
            different.len() == classes.len() && classes.len() > 1,
            "--classes: two or more different ones, 0 to 99"
        );
        let [train, test] = of_both(&data, classes, 0..500, |split, chosen| network.of(split, chosen))?;
        let names: Vec<&str> = classes.iter().map(|&class| data.class_names[class].as_str()).collect();
        rows.push(arguments.row(
            &format!("CIFAR-100: {}", names.join(", ")),
            "EfficientNet-Lite0 (ImageNet), 96 px".to_owned(),
            &train,
            &test,
        )?);
        sources.push(("CIFAR-100", checksums(&data)));
        weights = Some(network.sha256().to_owned());
    }
    let report = Report::new(&arguments, rows, sources, weights);
    println!("{}", report.markdown());
    report.write(&arguments.out)
}

fn of_both(
    data: &DataSet,
    classes: &[usize],
    train: Range<usize>,
    values: impl Fn(&car_spectral_data::Split, &[usize]) -> Result<tch::Tensor>,
) -> Result<[Features; 2]> {
    let one = |split, range| {
        let (chosen, labels) = chosen_images(split, classes, &range);
        Ok::<_, anyhow::Error>(Features { values: values(split, &chosen)?, labels })
    };
    Ok([one(&data.train, train)?, one(&data.test, 0..usize::MAX)?])
}

impl Arguments {
    fn row(&self, data: &str, features: String, train: &Features, test: &Features) -> Result<Row> {
        let num_classes = 1 + train.labels.iter().copied().max().unwrap_or(0);
        let images_per_class = train.labels.iter().filter(|&&label| label == 0).count();
        let splits = self
            .seeds
            .iter()
            .map(|&seed| head::certify(train, test, num_classes, self.share, DELTA, seed))
            .collect::<Result<_>>()?;
        let floor = worst_class_floor(&vec![images_per_class as u64; num_classes], DELTA)?;
        eprintln!("{data}, {images_per_class} images a class: done");
        Ok(Row { data: data.to_owned(), features, images_per_class, floor, splits })
    }
}
