// Arrow
