/**
 * The quorum port's packets as the core sees them (protocol/quorum.md §3). PROPOSAL, COMMIT, INFORM and the
 * acknowledgements of txns are not among them: they are many, go in runs, and pass as zxids through methods and outputs
 * of their own, so that the core never holds a txn's bytes. REQUEST, REVALIDATE and SYNC are not either: they
 * concern sessions, not agreement, and never reach the core.
 */
export {};
