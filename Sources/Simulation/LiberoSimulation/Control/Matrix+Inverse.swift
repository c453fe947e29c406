/// Inverses of symmetric matrices by their eigenvectors, which for these is what a singular value decomposition gives.
extension Matrix {
  /// The inverse of a symmetric matrix; where its eigenvalues fall below `cutoff` of the greatest, the inverse of the
  /// rest (Moore and Penrose's), as NumPy's `pinv` has it with its default cutoff.
  func symmetricPseudoInverse(cutoff: Double = 1e-15) -> Matrix {
    let (eigenvalues, vectors) = symmetricEigenvectors()
    let least = cutoff * (eigenvalues.map(abs).max() ?? 0)
    var inverse = Matrix(rows, rows)
    for (index, eigenvalue) in eigenvalues.enumerated() where abs(eigenvalue) > least {
      for row in 0..<rows {
        let scaled = vectors[row, index] / eigenvalue
        for column in 0..<rows { inverse[row, column] += scaled * vectors[column, index] }
      }
    }
    return inverse
  }

  /// Eigenvalues, and eigenvectors as columns, of a symmetric matrix, by Jacobi's rotations.
  func symmetricEigenvectors() -> (eigenvalues: [Double], vectors: Matrix) {
    precondition(rows == columns)
    var rotated = self
    var vectors = Matrix.identity(rows)
    // Convergence is quadratic: a handful of sweeps suffice, and the bound only keeps hostile numbers from looping.
    for _ in 0..<50 {
      var moved = false
      for row in 0..<rows {
        for column in (row + 1)..<max(rows, row + 1) {
          let offDiagonal = rotated[row, column]
          let scale = abs(rotated[row, row]) + abs(rotated[column, column])
          guard offDiagonal != 0, scale + abs(offDiagonal) * 1e2 != scale else { continue }
          moved = true
          rotated.rotate(row, column, along: &vectors)
        }
      }
      if !moved { break }
    }
    return ((0..<rows).map { rotated[$0, $0] }, vectors)
  }

  /// Makes the element at (`row`, `column`) vanish by turning those two axes, and turns `vectors` along.
  private mutating func rotate(_ row: Int, _ column: Int, along vectors: inout Matrix) {
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
      let along = vectors[index, row]
      let across = vectors[index, column]
      vectors[index, row] = cosine * along - sine * across
      vectors[index, column] = sine * along + cosine * across
    }
    self[row, column] = 0
    self[column, row] = 0
  }
}
