// MuJoCo
