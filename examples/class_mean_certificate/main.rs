mod features;
use std::path::Path;
use car_spectral_training::data::{DataKind, DataSource};
fn main() -> anyhow::Result<()> {
    tch::set_num_threads(1);
    let data = DataSource { kind: DataKind::Cifar100, folder: "/work/bg/data/cifar100".into(), train_list: None, test_list: None }.load()?;
    let network = features::Pretrained::new(Path::new(".data/efficientnet-lite0.pth"), Path::new("out/class-mean-head"))?;
    let classes: Vec<usize> = (0..10).map(|i| 8 * i).collect();
    for split in [&data.train, &data.test] {
        let (chosen, _) = features::chosen_images(split, &classes, 500);
        println!("{:?}", network.of(split, &chosen)?.size());
    }
    Ok(())
}
