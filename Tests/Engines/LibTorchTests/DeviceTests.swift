import Testing

@testable import LibTorch

@Suite struct DeviceTests {
  @Test(arguments: [
    ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f avx512_bf16", true),
    ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16", false),
    ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_bf16 amx_tile", true),
    ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2", false), ("Features\t: fp asimd bf16", true), ("", false),
  ])
  func `a CPU multiplies bfloat16 faster with AMX, on AMD, and on Arm`(description: String, isFaster: Bool) {
    #expect(Device.multipliesBFloat16(description) == isFaster)
  }
}
