;; Source of the module in adler32.ts: `wat2wasm adler32.wat -o - | base64 -w0` gives its text.
;;
;; Sixteen bytes x1…x16 at a time: a grows by their sum, b by 16a and the weighted sum 16x1 + 15x2 + … + x16. Over a
;; block of n bytes, b also grows by n times the a from before it. A block of 5536 bytes keeps b below 2^32.
(module
  (memory (export "memory") 1)
  ;; adler32(start, end, checksum): continues the checksum over memory[start, end)
  (func (export "adler32") (param $at i32) (param $end i32) (param $sum i32) (result i32)
    (local $a i32) (local $b i32) (local $block i32) (local $n i32)
    (local $va v128) (local $vb v128) (local $vs v128) (local $v v128)
    (local.set $a (i32.and (local.get $sum) (i32.const 0xffff)))
    (local.set $b (i32.shr_u (local.get $sum) (i32.const 16)))
    (block $out
      (loop $blocks
        (br_if $out (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16)))
        ;; n = min(5536, (end - at)) & ~15
        (local.set $n (i32.sub (local.get $end) (local.get $at)))
        (if (i32.gt_u (local.get $n) (i32.const 5536)) (then (local.set $n (i32.const 5536))))
        (local.set $n (i32.and (local.get $n) (i32.const -16)))
        (local.set $block (i32.add (local.get $at) (local.get $n)))
        ;; b += a * n
        (local.set $b (i32.add (local.get $b) (i32.mul (local.get $a) (local.get $n))))
        (local.set $va (v128.const i32x4 0 0 0 0))   ;; byte sums
        (local.set $vs (v128.const i32x4 0 0 0 0))   ;; sum of previous byte sums (times 16 later)
        (local.set $vb (v128.const i32x4 0 0 0 0))   ;; weighted
        (loop $inner
          (local.set $v (v128.load (local.get $at)))
          (local.set $vs (i32x4.add (local.get $vs) (local.get $va)))
          (local.set $va (i32x4.add (local.get $va)
            (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u (local.get $v)))))
          (local.set $vb (i32x4.add (local.get $vb) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_u (local.get $v)) (v128.const i16x8 16 15 14 13 12 11 10 9))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_u (local.get $v)) (v128.const i16x8 8 7 6 5 4 3 2 1)))))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $inner (i32.lt_u (local.get $at) (local.get $block))))
        (local.set $vb (i32x4.add (local.get $vb) (i32x4.shl (local.get $vs) (i32.const 4))))
        (local.set $a (i32.rem_u (i32.add (local.get $a) (i32.add
           (i32.add (i32x4.extract_lane 0 (local.get $va)) (i32x4.extract_lane 1 (local.get $va)))
           (i32.add (i32x4.extract_lane 2 (local.get $va)) (i32x4.extract_lane 3 (local.get $va))))) (i32.const 65521)))
        (local.set $b (i32.rem_u (i32.add (local.get $b) (i32.add
           (i32.add (i32x4.extract_lane 0 (local.get $vb)) (i32x4.extract_lane 1 (local.get $vb)))
           (i32.add (i32x4.extract_lane 2 (local.get $vb)) (i32x4.extract_lane 3 (local.get $vb))))) (i32.const 65521)))
        (br $blocks)))
    (block $done
      (loop $tail
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $a (i32.add (local.get $a) (i32.load8_u (local.get $at))))
        (local.set $b (i32.add (local.get $b) (local.get $a)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $tail)))
    (i32.or (i32.rem_u (local.get $a) (i32.const 65521))
            (i32.shl (i32.rem_u (local.get $b) (i32.const 65521)) (i32.const 16)))))
