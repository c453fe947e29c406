/// Inverses of symmetric matrices by eigenvectors, which for these equals inversion by singular value decomposition.
extension Matrix {
  /// The Moore–Penrose inverse of a symmetric matrix, without eigenvalues below `cutoff` times the largest; the default
  /// cutoff is that of NumPy's `pinv`.
  func symmetricPseudoInverse(cutoff: Double = 1e-15) -> Matrix {
    let (eigenvalues, vectors) = symmetricEigenvectors()
    let threshold = cutoff * (eigenvalues.map(abs).max() ?? 0)
    var inverse = Matrix(rows, rows)
    for (index, eigenvalue) in eigenvalues.enumerated() where abs(eigenvalue) > threshold {
      for row in 0..<rows {
        let scaled = vectors[row, index] / eigenvalue
        for column in 0..<rows { inverse[row, column] += scaled * vectors[column, index] }
      }
    }
    return inverse
  }

  /// Eigenvalues, and eigenvectors as columns, of a symmetric matrix, by Jacobi rotations.
  func symmetricEigenvectors() -> (eigenvalues: [Double], vectors: Matrix) {
    precondition(rows == columns)
    var rotated = self
    var vectors = Matrix.identity(rows)
    // Convergence is quadratic: a few sweeps suffice, and the bound only matters for NaN.
    for _ in 0..<50 {
      var changed = false
      for row in 0..<rows {
        for column in (row + 1)..<max(rows, row + 1) {
          let offDiagonal = rotated[row, column]
          let scale = abs(rotated[row, row]) + abs(rotated[column, column])
          guard offDiagonal != 0, scale + abs(offDiagonal) * 1e2 != scale else { continue }
          changed = true
          rotated.rotate(row, column, applyingTo: &vectors)
        }
      }
      if !changed { break }
    }
    return ((0..<rows).map { rotated[$0, $0] }, vectors)
  }

  /// Zeroes the element at (`row`, `column`) by a rotation of those two axes, and rotates `vectors` likewise.
  private mutating func rotate(_ row: Int, _ column: Int, applyingTo vectors: inout Matrix) {
    let cotangent = (self[column, column] - self[row, row]) / (2 * self[row, column])
    let root = (cotangent * cotangent + 1).squareRoot()
    let tangent = (cotangent >= 0 ? 1.0 : -1.0) / (abs(cotangent) + root)
    let cosine = 1 / (tangent * tangent + 1).squareRoot()
    let sine = tangent * cosine
    for index in 0..<rows {
      let first = self[index, row]
      let second = self[index, column]
      self[index, row] = cosine * first - sine * second
      self[index, column] = sine * first + cosine * second
    }
    for index in 0..<rows {
      let first = self[row, index]
      let second = self[column, index]
      self[row, index] = cosine * first - sine * second
      self[column, index] = sine * first + cosine * second
      let third = vectors[index, row]
      let fourth = vectors[index, column]
      vectors[index, row] = cosine * third - sine * fourth
      vectors[index, column] = sine * third + cosine * fourth
    }
    self[row, column] = 0
    self[column, row] = 0
  }
}
