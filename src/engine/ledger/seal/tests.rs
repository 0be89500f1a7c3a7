use super::*;

const NOW: UtcMillis = UtcMillis(1_781_000_000_000);

fn row(seq: i64) -> SealedRow {
    SealedRow {
        seq,
        id: format!("acr_{seq}.1"),
        accrual_id: Some(format!("acr_{seq}")),
        code: "accrue".to_owned(),
        phase: "single".to_owned(),
        debit: "p/cash:usd/expense".to_owned(),
        credit: "p/cash:usd/pending/ptn_1".to_owned(),
        amount_cents: 100 + seq,
        pending_id: None,
        program_id: "p".to_owned(),
        event_id: Some("in \"1\"\u{1}é".to_owned()),
        run_id: None,
        actor: None,
        created_at_ms: NOW,
    }
}

fn rows(last: i64) -> Vec<SealedRow> {
    (1..=last).map(row).collect()
}

/// Blocks of three, three and two rows.
fn three_blocks() -> (Vec<LedgerBlock>, Vec<SealedRow>) {
    let rows = rows(8);
    let mut blocks: Vec<LedgerBlock> = Vec::new();
    for part in rows.chunks(3) {
        let previous = blocks.last().cloned();
        blocks.extend(seal(previous, part, NOW));
    }
    (blocks, rows)
}

fn found(blocks: &[LedgerBlock], rows: &[SealedRow]) -> Option<(i64, SealFault)> {
    first_difference(None, blocks, rows).map(|difference| (difference.number, difference.fault))
}

#[test]
fn what_is_hashed_is_what_the_guide_says() {
    let blocks = seal(None, &rows(1), NOW);
    let text = "[1,1,1,\"\",1781000000000]\n\
                [1,\"acr_1.1\",\"acr_1\",\"accrue\",\"single\",\"p/cash:usd/expense\",\"p/cash:usd/pending/ptn_1\",101,\
                null,\"p\",\"in \\\"1\\\"\\u0001é\",null,null,1781000000000]\n";
    assert_eq!(blocks[0].hash, id::hex(&Sha256::digest(text)));
    assert_eq!(blocks[0].head().to_string(), format!("1:{}", blocks[0].hash));
}

#[test]
fn rows_are_closed_in_blocks_that_follow_each_other() {
    let all = rows(2_001);
    let blocks = seal(None, &all, NOW);
    let shown: Vec<(i64, i64, i64)> = blocks.iter().map(|b| (b.number, b.last_seq, b.row_count)).collect();
    assert_eq!(shown, [(1, 1_000, 1_000), (2, 2_000, 1_000), (3, 2_001, 1)]);
    assert_eq!(blocks[0].previous_hash, "");
    assert!(blocks.windows(2).all(|two| two[1].previous_hash == two[0].hash));
    assert_eq!(found(&blocks, &all), None);
    assert_eq!(first_difference(Some(&blocks[0]), &blocks[1..], &all[1_000..]), None);
    assert_eq!(seal(None, &[], NOW), []);
}

#[test]
fn each_value_of_a_row_is_sealed() {
    let (blocks, rows) = three_blocks();
    let changes: [fn(&mut SealedRow); 13] = [
        |r| r.id.push('x'),
        |r| r.accrual_id = None,
        |r| r.code = "adjust".to_owned(),
        |r| r.phase = "post".to_owned(),
        |r| r.debit.push('x'),
        |r| r.credit.push('x'),
        |r| r.amount_cents += 1,
        |r| r.pending_id = Some(String::new()),
        |r| r.program_id.push('x'),
        |r| r.event_id = None,
        |r| r.run_id = Some(String::new()),
        |r| r.actor = Some("null".to_owned()),
        |r| r.created_at_ms = r.created_at_ms.plus_ms(1),
    ];
    for change in changes {
        let mut rows = rows.clone();
        change(&mut rows[4]);
        assert_eq!(found(&blocks, &rows), Some((2, SealFault::RowsChanged)), "{:?}", rows[4]);
    }
}

#[test]
fn rows_that_are_removed_added_or_moved_are_found() {
    let (blocks, whole) = three_blocks();
    let mut rows = whole.clone();
    rows.remove(4);
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::RowsMissing)));
    rows.insert(4, row(6));
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::RowsChanged)));
    let mut rows = whole.clone();
    rows.insert(3, row(3));
    assert_eq!(found(&blocks, &rows), Some((1, SealFault::RowsAdded)));
    let mut rows = whole;
    (rows[3].seq, rows[4].seq) = (5, 4);
    rows.swap(3, 4);
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::RowsChanged)), "reordered");
}

#[test]
fn blocks_that_are_changed_or_removed_are_found() {
    let (whole, rows) = three_blocks();
    let mut blocks = whole.clone();
    blocks[1].sealed_at_ms = NOW.plus_ms(1);
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::RowsChanged)));
    let mut blocks = whole.clone();
    blocks[1].previous_hash = String::new();
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::ChainBroken)));
    let mut blocks = whole;
    blocks.remove(1);
    assert_eq!(found(&blocks, &rows), Some((2, SealFault::BlockMissing)));
    assert_eq!(found(&blocks[1..], &rows), Some((1, SealFault::BlockMissing)));
}

#[test]
fn a_chain_that_was_made_again_is_found_by_a_head_alone() {
    let (sealed, mut rows) = three_blocks();
    let heads: Vec<SealHead> = sealed.iter().map(LedgerBlock::head).collect();
    rows[4].amount_cents += 1;
    let mut again = vec![sealed[0].clone()];
    for part in [&rows[3..6], &rows[6..]] {
        let previous = again.last().cloned();
        again.extend(seal(previous, part, NOW));
    }
    assert_eq!(found(&again, &rows), None, "the chain alone is consistent");
    let compared = |heads: &[SealHead]| {
        let found = compare(heads, &again);
        (found.unchanged_to(3, None), found.first_different())
    };
    assert_eq!(compared(&heads), (Some(1), Some(2)));
    assert_eq!(compared(&heads[2..]), (None, Some(3)));
    assert_eq!(compared(&heads[..1]), (Some(1), None));
    let beyond = SealHead { number: 9, ..heads[0].clone() };
    assert_eq!(compared(&[heads[0].clone(), beyond.clone()]), (Some(1), Some(9)));
    // The number and the hash count.
    let moved = SealHead { number: 2, ..heads[0].clone() };
    let results = compare(&[heads[0].clone(), moved, beyond], &again).0.into_iter().map(|(_, result)| result);
    assert_eq!(results.collect::<Vec<_>>(), [HeadResult::Same, HeadResult::Differs, HeadResult::NoBlock]);
    // Nothing is unchanged that was not recomputed, or from a difference on.
    let kept = compare(&heads, &sealed);
    let unchanged = |verified, different| kept.unchanged_to(verified, different);
    assert_eq!((unchanged(3, None), unchanged(2, None), unchanged(0, None)), (Some(3), Some(2), None));
    assert_eq!((unchanged(3, Some(2)), unchanged(3, Some(1))), (Some(1), None));
}

#[test]
fn a_head_is_read_as_it_is_written() {
    let (blocks, _) = three_blocks();
    let head = blocks[2].head();
    assert_eq!(SealHead::parse(&head.to_string()), Some(head.clone()));
    assert_eq!(SealHead::parse(&format!(" 3:{} ", head.hash.to_ascii_uppercase())), Some(head.clone()));
    for text in [
        "",
        "3",
        "3:",
        "x:y",
        &format!("0:{}", head.hash),
        &format!("3:{}0", head.hash),
        &format!("3:{}", &head.hash[1..]),
    ] {
        assert_eq!(SealHead::parse(text), None, "{text}");
    }
}
