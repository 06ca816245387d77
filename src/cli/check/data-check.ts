import { randomInt } from 'node:crypto';
import { freemem } from 'node:os';
import { longToHex } from '../../protocol/long.ts';
import { ReplicaFullError } from '../../replica/memory.ts';
import type { DataDirectory, SnapshotFile } from '../../storage/data-directory.ts';
import { EpochFiles } from '../../storage/epoch-files.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { type RecoveryResult, recover } from '../../storage/recovery.ts';
import { SnapshotError } from '../../storage/snapshot-error.ts';
import { type ScannedSnapshot, scanSnapshot } from '../../storage/snapshot-scan.ts';
import { Progress } from '../tools/progress.ts';
import { CheckedDatabase } from './checked-database.ts';
import { durationText, type Findings, sizeText } from './findings.ts';
import { SnapshotFacts } from './snapshot-facts.ts';
import { configVersion, foreignSchemes, ownerFacts } from './tree-facts.ts';

/** What of a configuration decides how data is read. */
export interface DataSettings {
  readonly entryBytesMax: number;
  readonly digestEnabled: boolean;
  readonly extendedTypesEnabled: boolean;
  readonly snapshotTrustEmpty: boolean;
  readonly isEnsembleMember: boolean;
  readonly replicaMemoryBytesMax: number;
  readonly sessionsMax: number;
}

const MB = 1 << 20;
/** As much as a replica can have. */
const REPLICA_MB_MAX = 16_000;
/** Of the memory that is free, what a check may take: it must not push out a server that runs. */
const MEMORY_PART_MAX = 0.7;
/** What a replica should have left for what comes. */
const MEMORY_PART_FULL = 0.8;

/**
 * Reads snapshots and logs as a start does, on a file system that writes nothing ({@link dryRunFileSystem}), and says what is
 * there, who wrote it, and what a start would not take.
 */
export class DataCheck {
  readonly #directory: DataDirectory;
  readonly #settings: DataSettings;
  readonly #findings: Findings;

  constructor(directory: DataDirectory, settings: DataSettings, findings: Findings) {
    this.#directory = directory;
    this.#settings = settings;
    this.#findings = findings;
  }

  run(): void {
    const { snapshots, logs } = this.#listFiles();
    if (snapshots.length + logs.length === 0) {
      this.#findings.fact('written by', 'nobody: there is no data, a start begins with an empty tree');
      return;
    }
    const facts = this.#lookAtSnapshots(snapshots);
    if (facts !== null && !this.#fitsMachine(facts.replicaBytes)) return;
    const recovered = this.#recover(this.#settings.replicaMemoryBytesMax);
    if (recovered !== null) this.#describe(recovered);
  }

  #listFiles() {
    const snapshots = this.#directory.listSnapshots();
    const logs = this.#directory.listLogs();
    const sizeOf = (files: readonly { readonly path: string }[]) =>
      files.reduce((sum, { path }) => sum + (nodeFileSystem.stat(path)?.size ?? 0), 0);
    const describe = (files: readonly { readonly path: string; readonly name: string }[]) =>
      files.length === 0
        ? 'none'
        : `${files.length}, ${sizeText(sizeOf(files))}, newest ${files.at(-1)?.name}`;
    this.#findings.fact('snapshots', describe(snapshots));
    this.#findings.fact('logs', describe(logs));
    return { snapshots, logs };
  }

  /** What the newest snapshot that is whole tells; null without one. */
  #lookAtSnapshots(snapshots: readonly SnapshotFile[]): SnapshotFacts | null {
    for (const file of [...snapshots].reverse()) {
      const facts = new SnapshotFacts();
      const progress = new Progress(`reading ${file.name}`);
      try {
        const scanned: ScannedSnapshot = scanSnapshot(
          {
            fileSystem: this.#directory.fileSystem,
            file,
            entryBytesMax: this.#settings.entryBytesMax,
            onProgress: (done, total) => progress.report(done, total),
          },
          facts,
        );
        this.#findings.fact('written by', `${facts.writer(scanned)}, as ${file.name} tells`);
        return facts;
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        // Recovery says so, and what comes of it.
      }
    }
    return null;
  }

  /** A check beside a server that runs must leave it its memory. */
  #fitsMachine(bytes: number): boolean {
    const free = freemem();
    if (bytes <= free * MEMORY_PART_MAX) return true;
    this.#findings.fact('memory', `about ${sizeText(bytes)} for the tree`);
    this.#findings.block(
      `the tree takes about ${sizeText(bytes)}, and this machine has ${sizeText(free)} free: not loaded, and so not checked ` +
        'further. Check it where there is more memory, or when the server that runs here has ended',
    );
    return false;
  }

  #recover(memoryBytesMax: number): RecoveryResult<CheckedDatabase> | null {
    const { settings, log } = this.#recoverySettings();
    try {
      return recover({
        ...settings,
        directory: this.#directory,
        log,
        trustEmptySnapshot: settings.snapshotTrustEmpty,
        newTarget: () =>
          new CheckedDatabase({ memoryBytesMax, readersMax: 1, hashSeed: randomInt(2 ** 31) }, settings),
      });
    } catch (error) {
      const isFull = error instanceof ReplicaFullError || (error as Error).cause instanceof ReplicaFullError;
      const more = Math.min(REPLICA_MB_MAX * MB, Math.floor(freemem() * MEMORY_PART_MAX));
      if (isFull && memoryBytesMax < more) return this.#recover(more);
      this.#findings.block((error as Error).message);
      return null;
    }
  }

  #recoverySettings() {
    const log = {
      info: (message: string): void => void process.stderr.write(`${message}\n`),
      warn: (message: string): void => this.#findings.differ(`a start would say: ${message}`),
    };
    return { settings: this.#settings, log };
  }

  #describe(recovered: RecoveryResult<CheckedDatabase>): void {
    const findings = this.#findings;
    const { target, lastZxidHigh, lastZxidLow, txnsReplayed, digestCheck } = recovered;
    const { tree, ephemerals, sessions } = target;
    const from = recovered.snapshot === null ? 'no snapshot' : recovered.snapshot.name;
    const last = target.lastTxnMs === null ? '' : `, the last of ${new Date(target.lastTxnMs).toISOString()}`;
    findings.fact('replay', `${txnsReplayed} transactions behind ${from}${last}`);
    findings.fact('zxid', `${longToHex(lastZxidHigh, lastZxidLow)}, epoch ${lastZxidHigh}`);
    findings.fact('digest', this.#digestText(recovered, digestCheck));
    findings.fact('znodes', `${tree.znodeCount}, ${sizeText(tree.dataBytes)} of paths and data`);
    findings.fact('sessions', `${sessions.size}`);
    findings.fact(
      'ephemerals',
      `${ephemerals.count}; ${ephemerals.containers.size} containers, ${ephemerals.ttls.size} with a TTL`,
    );
    const statistics = tree.statistics();
    findings.fact('ACLs', `${statistics.aclLists} beside the open one`);
    this.#describeResources(recovered, statistics.usedBytes);
    this.#lookAtTree(target);
    if (this.#settings.isEnsembleMember) this.#lookAtEpochs(lastZxidHigh);
  }

  #digestText(recovered: RecoveryResult<CheckedDatabase>, check: string): string {
    const { digestsCompared } = recovered.target;
    switch (check) {
      case 'equal':
        return 'the tree is what was written';
      case 'disabled':
        return 'not compared: digest.enabled=false';
      case 'not reached':
        return 'not compared: the snapshot knows later transactions than the log';
      default:
        return digestsCompared > 0
          ? 'of the logged transactions alone: equal'
          : 'none on disk to compare with';
    }
  }

  #describeResources(recovered: RecoveryResult<CheckedDatabase>, usedBytes: number): void {
    const { replicaMemoryBytesMax, sessionsMax } = this.#settings;
    const findings = this.#findings;
    const percent = Math.ceil((100 * usedBytes) / replicaMemoryBytesMax);
    findings.fact(
      'memory',
      `${sizeText(usedBytes)} for the tree, ${percent} % of ${sizeText(replicaMemoryBytesMax)} (menagerie.replicaMemoryMb)`,
    );
    findings.fact('start', `about ${durationText(recovered.durationMs)}, as long as this reading took`);
    if (usedBytes > replicaMemoryBytesMax) {
      const needed = Math.ceil((usedBytes * 1.25) / MB);
      findings.block(
        `the tree takes ${sizeText(usedBytes)}, more than menagerie.replicaMemoryMb: set it to ${needed} or more`,
      );
    } else if (usedBytes > replicaMemoryBytesMax * MEMORY_PART_FULL) {
      findings.differ(
        `the tree takes ${percent} % of menagerie.replicaMemoryMb: when it is used up, writes are refused`,
      );
    }
    const sessions = recovered.target.sessions.size;
    if (sessions > sessionsMax)
      findings.differ(`${sessions} sessions are open, more than menagerie.sessionsMax (${sessionsMax})`);
  }

  #lookAtTree(database: CheckedDatabase): void {
    const findings = this.#findings;
    const { orphans, ttlLike } = ownerFacts(database);
    if (ttlLike > 0) {
      findings.block(
        `${ttlLike} znodes have a TTL, and extendedTypesEnabled is not true: they would be taken for ephemerals of no ` +
          'session, and deleted. Set extendedTypesEnabled=true',
      );
    }
    if (orphans > 0)
      findings.differ(`${orphans} ephemerals are of sessions that have ended: a start deletes them`);
    for (const [scheme, count] of foreignSchemes(database.tree)) {
      findings.block(
        `${count} znodes have an ACL of scheme "${scheme}", in which no client can authenticate here: only the super user ` +
          'would get what it alone allows',
      );
    }
    const version = configVersion(database.tree);
    if (version !== null) {
      findings.differ(
        `the ensemble was changed by reconfig (version ${version} in /zookeeper/config): the server lines of zoo.cfg count, ` +
          'so they must say the same',
      );
    }
  }

  #lookAtEpochs(lastEpoch: number): void {
    try {
      const { acceptedEpoch, currentEpoch } = EpochFiles.load({
        fileSystem: this.#directory.fileSystem,
        directory: this.#directory.snapshotDirectory,
        lastEpoch,
        log: this.#recoverySettings().log,
      });
      this.#findings.fact('epochs', `accepted ${acceptedEpoch}, current ${currentEpoch}`);
    } catch (error) {
      this.#findings.block((error as Error).message);
    }
  }
}
