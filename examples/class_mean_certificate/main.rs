//! T7 on real images: what a head of class means on frozen features can be certified to, from the images it was trained
//! on.
//!
//! ```text
//! cargo run -p car-spectral-training --example class_mean_certificate -- --cifar100 cifar-100-binary
//! ```
//! Fashion-MNIST with random ReLU features, and ten classes of CIFAR-100 with EfficientNet-Lite0 as trained on ImageNet
//! (`python3 scripts/setup.py efficientnet-lite0`). Per split (a seed): a fifth of each class gives the metric, two
//! fifths of it are T. Beside T7's certificate of the head trained on all images stands the held-out one, max_j u_j(δ)
//! on T, of the head trained without T, and the floor that no bound of the worst class from so many images can go below
//! (T4). Writes `table.md` and `table.json`.

mod features;
mod head;
mod report;

use std::ops::Range;
use std::path::PathBuf;

use anyhow::Result;
use car_spectral::bounds::worst_class_floor;
use car_spectral_training::data::{DataKind, DataSet, DataSource};
use clap::Parser;

use features::{Features, Pretrained, RandomRelu, checksums, chosen_images};
use report::{Report, Row};

const DELTA: f64 = 0.05;
/// Of each class, the part that is T. It and the kind of random features were picked by trying others on the first 500
/// images of each class of Fashion-MNIST, which therefore take no part: T7 asks for what is fixed before T is seen.
const SHARE: f64 = 0.4;
const LOOKED_AT: usize = 500;
const FEATURE_SEED: u64 = 7;
const SPLIT_SEEDS: [u64; 3] = [0, 1, 2];
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
    /// Weights of EfficientNet-Lite0
    #[arg(long, default_value = ".data/efficientnet-lite0.pth")]
    pretrained: PathBuf,
    /// Where computed features are kept
    #[arg(long, default_value = "out/class-mean-head")]
    cache: PathBuf,
    /// Folder of the tables
    #[arg(long, default_value = "figures/class-mean-head")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load =
        |kind, folder: &PathBuf| DataSource { kind, folder: folder.clone(), train_list: None, test_list: None }.load();
    let fashion_mnist = load(DataKind::FashionMnist, &arguments.fashion_mnist)?;
    let classes: Vec<usize> = (0..10).collect();
    let mut rows = Vec::new();
    for (images, units) in FASHION_MNIST {
        let features = RandomRelu::new(28 * 28, units, FEATURE_SEED);
        let [train, test] = of_both(&fashion_mnist, &classes, LOOKED_AT..LOOKED_AT + images, |split, chosen| {
            features.of(split, chosen)
        })?;
        rows.push(row("Fashion-MNIST", format!("{units} random ReLU"), &train, &test, images)?);
    }
    let mut sources = vec![("Fashion-MNIST", checksums(&fashion_mnist))];
    let mut weights = None;
    if let Some(folder) = &arguments.cifar100 {
        let data = load(DataKind::Cifar100, folder)?;
        let network = Pretrained::new(&arguments.pretrained, &arguments.cache)?;
        // Every eighth: apple, bicycle, ..., spread over the names.
        let classes: Vec<usize> = (0..10).map(|place| 8 * place).collect();
        let [train, test] = of_both(&data, &classes, 0..500, |split, chosen| network.of(split, chosen))?;
        let names: Vec<&str> = classes.iter().map(|&class| data.class_names[class].as_str()).collect();
        rows.push(row(
            &format!("CIFAR-100: {}", names.join(", ")),
            "EfficientNet-Lite0 (ImageNet), 96 px".to_owned(),
            &train,
            &test,
            500,
        )?);
        sources.push(("CIFAR-100", checksums(&data)));
        weights = Some(network.sha256().to_owned());
    }
    let report = Report::new(rows, sources, weights);
    println!("{}", report.markdown());
    report.write(&arguments.out)
}

fn of_both(
    data: &DataSet,
    classes: &[usize],
    train: Range<usize>,
    values: impl Fn(&car_spectral_training::data::Split, &[usize]) -> Result<tch::Tensor>,
) -> Result<[Features; 2]> {
    let one = |split, range| {
        let (chosen, labels) = chosen_images(split, classes, &range);
        Ok::<_, anyhow::Error>(Features { values: values(split, &chosen)?, labels })
    };
    Ok([one(&data.train, train)?, one(&data.test, 0..usize::MAX)?])
}

fn row(data: &str, features: String, train: &Features, test: &Features, images_per_class: usize) -> Result<Row> {
    const CLASSES: usize = 10;
    let splits = SPLIT_SEEDS
        .iter()
        .map(|&seed| head::certify(train, test, CLASSES, SHARE, DELTA, seed))
        .collect::<Result<_>>()?;
    let floor = worst_class_floor(&[images_per_class as u64; CLASSES], DELTA)?;
    eprintln!("{data}, {images_per_class} images a class: done");
    Ok(Row { data: data.to_owned(), features, images_per_class, floor, splits })
}
