// SmolVLA
