//! The shipped predictions of a ResNet-32 on CIFAR100-LT: what must be said of each statement at
//! real sizes.

use car_spectral_tests::{analyze, fresh_folder, recompute, repository, text};

#[test]
fn at_real_sizes_t1_and_t3_do_not_apply_and_the_chain_holds() {
    let file = |part: &str| repository().join(format!("examples/cifar100-lt-resnet32-{part}.npz"));
    let (test, train) = (file("test"), file("train"));
    assert!(test.is_file() && train.is_file(), "{} and {} are shipped files", test.display(), train.display());
    let out = fresh_folder("report");
    let arguments = ["--predictions", &text(&test), "--train-predictions", &text(&train), "--arch", "resnet32"];
    let report = analyze(&arguments.map(str::to_owned), &out);
    recompute(&out.join("report.json"), 0, &test, Some(&train), None);
    let model = &report["models"][0];
    let reason = |id: &str| -> Vec<&str> {
        let bounds = model["bounds"].as_array().unwrap().iter().filter(|bound| bound["id"] == id);
        bounds.map(|bound| bound["reason"].as_str().unwrap_or_default()).collect()
    };
    assert_eq!(reason("T1"), ["not applicable: m_min = 5, needs more than 800"]);
    let needs = "not applicable: m_min = 5, needs more than 400";
    assert_eq!(reason("T1 with 4K"), [needs]);
    for id in ["T1'", "T1''"] {
        assert!(
            reason(id)[0].starts_with("not applicable: the statement bounds the Gibbs classifier"),
            "{:?}",
            reason(id)
        );
    }
    assert!(model["network"].is_null());
    for id in ["T3", "T3'", "T3''"] {
        assert_eq!(reason(id).len(), 1, "one reason for every margin");
        assert!(
            reason(id)[0].starts_with("not applicable: ") && reason(id)[0].contains("residual"),
            "{:?}",
            reason(id)
        );
    }
    for split in ["test", "train"] {
        assert_eq!(model[split]["chain"]["holds"], true);
        assert_eq!(model[split]["chain"]["holds_sqrt_s"], true);
    }
    assert!(model["test"]["accuracy"].as_f64().unwrap() >= 0.35, "the shipped model is below its floor");
    let counts: Vec<u64> =
        model["train_counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!((counts.len(), counts[0], counts[99]), (100, 500, 5));
    let sentence = model["train_to_test"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("measured, not proved"), "{sentence}");
}
