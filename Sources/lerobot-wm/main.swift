print("lerobot-wm")
