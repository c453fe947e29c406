/// A small dense matrix of doubles, row-major, with the linear algebra that an arm of seven joints needs.
struct Matrix: Sendable, Equatable {
  let rows: Int
  let columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int, values: [Double]) {
    precondition(values.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  init(_ rows: Int, _ columns: Int) {
    self.init(rows, columns, values: [Double](repeating: 0, count: rows * columns))
  }

  static func identity(_ size: Int) -> Matrix {
    var result = Matrix(size, size)
    for index in 0..<size { result[index, index] = 1 }
    return result
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  var transposed: Matrix {
    var result = Matrix(columns, rows)
    for row in 0..<rows {
      for column in 0..<columns { result[column, row] = self[row, column] }
    }
    return result
  }

  /// This matrix's rows, followed by another's.
  func stacked(above other: Matrix) -> Matrix {
    precondition(columns == other.columns)
    return Matrix(rows + other.rows, columns, values: values + other.values)
  }

  static func * (left: Matrix, right: Matrix) -> Matrix {
    precondition(left.columns == right.rows)
    var product = Matrix(left.rows, right.columns)
    for row in 0..<left.rows {
      for column in 0..<right.columns {
        var sum = 0.0
        for index in 0..<left.columns { sum += left[row, index] * right[index, column] }
        product[row, column] = sum
      }
    }
    return product
  }

  static func * (left: Matrix, right: [Double]) -> [Double] {
    precondition(left.columns == right.count)
    return (0..<left.rows).map { row in
      var sum = 0.0
      for index in 0..<left.columns { sum += left[row, index] * right[index] }
      return sum
    }
  }

  static func - (left: Matrix, right: Matrix) -> Matrix {
    precondition(left.rows == right.rows && left.columns == right.columns)
    return Matrix(left.rows, left.columns, values: zip(left.values, right.values).map { $0 - $1 })
  }
}
