/// The table, the finger on its gantry and the blocks, as constants and as MJCF.
///
/// x points right and y away from the camera; the table's surface is z = 0; lengths are meters.
enum ShapesScene {
  /// Half the edge of a block.
  static let blockHalf = 0.05
  static let fingerRadius = 0.02
  /// The gantry's range of motion from the table's middle, along each axis.
  static let reach = 0.34
  /// The finger's speed at action 1.
  static let fullSpeed = 0.5
  static let framesPerSecond = 10
  /// Physics steps per control step.
  static let substeps = 20

  /// The MJCF document with blocks of these colors and images of `imageSize` × `imageSize` pixels.
  static func xml(blocks: [ShapesColor], imageSize: Int) -> String {
    let bodies = blocks.enumerated().map { index, color in
      """
      <body name="block\(index)" pos="0 0 \(blockHalf)">
        <freejoint name="block\(index)"/>
        <geom name="block\(index)" type="box" size="\(blockHalf) \(blockHalf) \(blockHalf)" mass="0.1"
          friction="0.6 0.01 0.001" rgba="\(color.components)"/>
      </body>
      """
    }
    return """
      <mujoco model="shapes">
        <option timestep="\(1 / Double(framesPerSecond * substeps))" integrator="implicitfast"/>
        <visual>
          <global offwidth="\(imageSize)" offheight="\(imageSize)"/>
          <quality shadowsize="0" offsamples="0"/>
          <headlight ambient="0.5 0.5 0.5" diffuse="0.4 0.4 0.4" specular="0 0 0"/>
        </visual>
        <worldbody>
          <light pos="0 0 2" dir="0 0 -1" directional="true" castshadow="false" diffuse="0.3 0.3 0.3"/>
          <camera name="image" pos="0 -0.62 0.86" xyaxes="1 0 0 0 0.82 0.572" fovy="42"/>
          <geom name="floor" type="box" pos="0 0 -0.32" size="3 3 0.02" contype="0" conaffinity="0"
            rgba="0.12 0.13 0.16 1"/>
          <geom name="table" type="box" size="0.5 0.5 0.02" pos="0 0 -0.02" friction="0.6 0.01 0.001"
            rgba="0.34 0.36 0.4 1"/>
          <body name="finger" pos="0 0 0.05">
            <joint name="finger_x" type="slide" axis="1 0 0" range="-\(reach) \(reach)" limited="true" damping="1"/>
            <joint name="finger_y" type="slide" axis="0 1 0" range="-\(reach) \(reach)" limited="true" damping="1"/>
            <geom name="finger" type="cylinder" size="\(fingerRadius) 0.045" mass="0.5" friction="0.4 0.01 0.001"
              rgba="0.95 0.95 0.9 1"/>
            <camera name="image2" pos="0 0 0.45" fovy="90"/>
          </body>
          \(bodies.joined(separator: "\n"))
        </worldbody>
        <actuator>
          <velocity name="finger_x" joint="finger_x" kv="60" ctrllimited="true" ctrlrange="-\(fullSpeed) \(fullSpeed)"/>
          <velocity name="finger_y" joint="finger_y" kv="60" ctrllimited="true" ctrlrange="-\(fullSpeed) \(fullSpeed)"/>
        </actuator>
      </mujoco>
      """
  }
}
