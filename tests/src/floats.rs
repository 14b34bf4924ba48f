//! [`floats`]: numbers that a careless reader takes for their neighbours.

/// Finite floats of every size, drawn from all bit patterns, the same ones each time.
pub fn floats(count: usize) -> Vec<f64> {
    // SplitMix64, by Steele, Lea and Flood.
    let mut state = 1_u64;
    let bits = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    let drawn = bits.map(f64::from_bits).filter(|float| float.is_finite());
    let edges = [
        0.0,
        -0.0,
        0.1,
        1.0 / 3.0,
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE / 2.0,
        f64::from_bits(1),
        f64::MAX,
        f64::MIN,
        9_007_199_254_740_993.0,
        6.666_666_666_666_667e51,
    ];
    edges.into_iter().chain(drawn).take(count).collect()
}

/// As bits, which tell `0.0` from `-0.0`.
pub fn bits(floats: &[f64]) -> Vec<u64> {
    floats.iter().map(|float| float.to_bits()).collect()
}
