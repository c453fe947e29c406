import Testing

@testable import Commands

/// What library modules say of settings, as the command line prints it.
struct FlagTranslationTests {
  private let translation = FlagTranslation(
    own: [
      "batch_size", "dataset.root", "eval.seeds", "env.seeds", "policy.normalization", "optimizer.type", "env.type",
      "policy.type",
    ],
    passedOn: ["policy.cache_dir", "normalization"], others: ["image_key", "overwrite", "cache_dir"],
    commands: ["train", "precompute"])

  @Test(arguments: [
    ("take the dataset's (`normalization=dataset`)", "take the dataset's (--policy.normalization=dataset)"),
    ("check `dataset.root`, or `batch_size`", "check --dataset.root, or --batch_size"),
    ("`type` of the policy counts first", "--policy.type of the policy counts first"),
    ("precompute with `image_key=a.b`", "precompute with --image_key=a.b"),
    ("run `precompute image_key=a overwrite`", "run lerobot-wm-precompute --image_key=a --overwrite"),
    (
      "run `precompute image_key='a b' overwrite`, or not",
      "run lerobot-wm-precompute --image_key='a b' --overwrite, or not"
    ),
    ("fix `cache_dir`", "fix --policy.cache_dir"),
    ("run `make setup`, or `train`", "run `make setup`, or lerobot-wm train"),
    ("an `unknown=1` setting stays", "an `unknown=1` setting stays"),
    ("one of two `seeds` stays", "one of two `seeds` stays"),
    ("a ` alone", "a ` alone"),
    ("nothing quoted", "nothing quoted"),
  ])
  func `and leave other text alone`(message: String, expected: String) {
    #expect(translation(message) == expected)
  }
}
