import LayeredSettings
import Testing

@Test(
  arguments: [
    ("", []), (" , ", []), ("a", ["a"]), ("a,b", ["a", "b"]), ("a, b", ["a", "b"]), ("a b\nc,", ["a", "b", "c"]),
  ] as [(String, [String])])
func `names of a list stand between commas or white space`(text: String, names: [String]) {
  #expect(listedNames(text) == names)
}
