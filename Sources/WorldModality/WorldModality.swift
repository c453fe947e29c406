// WorldModality
