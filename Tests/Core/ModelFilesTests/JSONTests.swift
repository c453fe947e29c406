import Foundation
import ModelFiles
import Testing

struct JSONTests {
  @Test func `objects keep their order and integers stay whole`() throws {
    let json = try JSON(parsing: #" {"z": 1, "a": [10.0, -3, 1e3, true, null], "m": {"k": "v"}} "#)
    #expect(json.object.map { Array($0.keys) } == ["z", "a", "m"])
    #expect(json["a"] == [10.0, -3, 1000.0, true, nil])
    #expect(json.text(.compact) == #"{"z":1,"a":[10.0,-3,1000.0,true,null],"m":{"k":"v"}}"#)
    #expect(json.text(.line) == #"{"z": 1, "a": [10.0, -3, 1000.0, true, null], "m": {"k": "v"}}"#)
  }

  @Test func `indented text is Python's`() {
    let json: JSON = ["a": [1, 2.5], "empty": [], "none": JSON.object([:]), "text": "ä\n\u{1}\u{7f}\"\\/"]
    // json.dumps(..., indent=4, ensure_ascii=False)
    #expect(
      json.text() == """
        {
            "a": [
                1,
                2.5
            ],
            "empty": [],
            "none": {},
            "text": "ä\\n\\u0001\u{7f}\\"\\\\/"
        }
        """)
    #expect(JSON.string("ä😀").text(ascii: true) == #""\u00e4\ud83d\ude00""#)
  }

  @Test(arguments: [
    (1e-5, "1e-05"), (0.0001, "0.0001"), (1e16, "1e+16"), (9007199254740994, "9007199254740994.0"), (-0.0, "-0.0"),
    (0.1, "0.1"), (1.7976931348623157e308, "1.7976931348623157e+308"), (.leastNonzeroMagnitude, "5e-324"),
    (.nan, "NaN"),
    (-.infinity, "-Infinity"), (10, "10.0"), (123456789.123, "123456789.123"),
  ])
  func `doubles are spelled as Python spells them`(number: Double, text: String) throws {
    #expect(JSON.number(number).text() == text)
    let back = try JSON(parsing: text)
    #expect(back.double == number || number.isNaN)
  }

  @Test func `escapes and surrogate pairs are read`() throws {
    #expect(try JSON(parsing: #""\u00e4\ud83d\ude00\n\/\"""#) == .string("ä😀\n/\""))
    #expect(try JSON(parsing: "9223372036854775808") == .number(9223372036854775808))
    #expect(try JSON(parsing: #"{"a":1,"a":2}"#)["a"] == 2)
  }

  @Test(arguments: [
    "", "{", "[1,]", "[1 2]", #"{"a" 1}"#, #"{a: 1}"#, "01", "-", "1.", "1e", "tru", "\"", "\"\n\"", #""\x""#,
    #""\ud800""#,
    #""\u12""#, "1 2", "+1", ".5", "[1,,2]", #"{"a":1,}"#, "nan", #""\u+123""#,
  ])
  func `what is not JSON is refused`(text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test func `hostile depth and broken UTF-8 are refused`() {
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xC3, 0x28, 0x22]) }
  }

  @Test func `an error names line and column`() {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: "{\n  \"a\": ?\n}") }
    #expect(error?.description == "line 2, column 8: expected a value, found '?'")
  }
}
