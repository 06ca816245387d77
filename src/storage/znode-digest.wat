;; Source of the module in znode-digest.ts: `wat2wasm znode-digest.wat -o - | base64 -w0` gives its text.
;;
;; The digest of a znode (disk.md §7) over its bytes as they stand in a snapshot.
(module
  ;; Eight tables of 256 words, filled in by znode-digest.ts: table k gives the CRC of a byte followed by k zero bytes.
  ;; The snapshot's bytes follow behind them.
  (memory (export "memory") 1)
  ;; CRC-32 over path and data of the last znode.
  (global $contentCrc (export "contentCrc") (mut i32) (i32.const 0))

  ;; Goes on with the inverted CRC $crc over $length bytes.
  (func $fold (param $at i32) (param $length i32) (param $crc i32) (result i32)
    (local $end i32) (local $high i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $bytes
      (loop $eight
        (br_if $bytes (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $crc (i32.xor (local.get $crc) (i32.load align=1 (local.get $at))))
        (local.set $high (i32.load offset=4 align=1 (local.get $at)))
        (local.set $crc
          (i32.xor
            (i32.xor
              (i32.xor
                (i32.load offset=7168 (i32.shl (i32.and (local.get $crc) (i32.const 255)) (i32.const 2)))
                (i32.load offset=6144 (i32.and (i32.shr_u (local.get $crc) (i32.const 6)) (i32.const 1020))))
              (i32.xor
                (i32.load offset=5120 (i32.and (i32.shr_u (local.get $crc) (i32.const 14)) (i32.const 1020)))
                (i32.load offset=4096 (i32.and (i32.shr_u (local.get $crc) (i32.const 22)) (i32.const 1020)))))
            (i32.xor
              (i32.xor
                (i32.load offset=3072 (i32.shl (i32.and (local.get $high) (i32.const 255)) (i32.const 2)))
                (i32.load offset=2048 (i32.and (i32.shr_u (local.get $high) (i32.const 6)) (i32.const 1020))))
              (i32.xor
                (i32.load offset=1024 (i32.and (i32.shr_u (local.get $high) (i32.const 14)) (i32.const 1020)))
                (i32.load (i32.and (i32.shr_u (local.get $high) (i32.const 22)) (i32.const 1020)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $eight)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $crc
          (i32.xor
            (i32.load
              (i32.shl
                (i32.and (i32.xor (local.get $crc) (i32.load8_u (local.get $at))) (i32.const 255))
                (i32.const 2)))
            (i32.shr_u (local.get $crc) (i32.const 8))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $one)))
    (local.get $crc))

  ;; $stat is where the 60 bytes of StatPersisted begin. The digest takes them in another order: pzxid, the last there,
  ;; comes third.
  (func (export "digest")
    (param $path i32) (param $pathLength i32) (param $data i32) (param $dataLength i32) (param $stat i32)
    (result i32)
    (local $crc i32)
    (local.set $crc (call $fold (local.get $path) (local.get $pathLength) (i32.const -1)))
    (if (i32.gt_s (local.get $dataLength) (i32.const 0))
      (then (local.set $crc (call $fold (local.get $data) (local.get $dataLength) (local.get $crc)))))
    (global.set $contentCrc (i32.xor (local.get $crc) (i32.const -1)))
    (local.set $crc (call $fold (local.get $stat) (i32.const 16) (local.get $crc)))
    (local.set $crc (call $fold (i32.add (local.get $stat) (i32.const 52)) (i32.const 8) (local.get $crc)))
    (local.set $crc (call $fold (i32.add (local.get $stat) (i32.const 16)) (i32.const 36) (local.get $crc)))
    (i32.xor (local.get $crc) (i32.const -1))))
