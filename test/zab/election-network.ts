import { Ensemble } from '../../src/zab/ensemble.ts';
import { FastLeaderElection } from '../../src/zab/fast-leader-election.ts';
import type { Notification, Vote } from '../../src/zab/vote.ts';

export interface Sent {
  readonly from: number;
  readonly to: number;
  readonly notification: Notification;
}

/** An ensemble of voters `1..voters`, and observers behind them; `more` are further lines of its text. */
export function ensembleOf(voters: number, observers = 0, more: readonly string[] = []): Ensemble {
  const lines = Array.from({ length: voters + observers }, (_, i) => {
    const role = i < voters ? 'participant' : 'observer';
    return `server.${i + 1}=host${i + 1}:2888:3888:${role}`;
  });
  return Ensemble.parse([...lines, ...more].join('\n'));
}

/**
 * Elections of several servers and what they send each other: messages wait until they are delivered, and connections
 * are there until they are cut. Time passes only when told.
 */
export class ElectionNetwork {
  readonly ensemble: Ensemble;
  readonly elections = new Map<number, FastLeaderElection>();
  readonly reports: string[] = [];
  readonly reconnects: { readonly sid: number; readonly to: readonly number[] }[] = [];
  nowMs = 1000;
  /** As the network has them, oldest first. */
  pending: Sent[] = [];

  constructor(ensemble: Ensemble) {
    this.ensemble = ensemble;
    for (const sid of ensemble.servers.keys()) this.#boot(sid);
  }

  #boot(sid: number): void {
    this.elections.set(
      sid,
      new FastLeaderElection({
        sid,
        ensemble: this.ensemble,
        isObserver: !this.ensemble.isVoter(sid),
        minNotificationIntervalMs: 200,
        maxNotificationIntervalMs: 60_000,
        output: {
          notify: (to, notification) => this.pending.push({ from: sid, to, notification }),
          reconnectElection: (to) => this.reconnects.push({ sid, to }),
          report: (level, text) => this.reports.push(`${sid} ${level}: ${text}`),
        },
      }),
    );
  }

  of(sid: number): FastLeaderElection {
    const election = this.elections.get(sid);
    if (election === undefined) throw new Error(`no server ${sid}`);
    return election;
  }

  start(sid: number, vote: Partial<Vote> = {}): void {
    this.of(sid).start(this.nowMs, { leader: sid, zxid: 0n, peerEpoch: 0, ...vote });
  }

  /** Every server of the list knows whether it can reach the others. */
  connect(sids: readonly number[] = [...this.elections.keys()]): void {
    for (const sid of sids) {
      for (const other of this.elections.keys()) {
        if (other === sid) continue;
        if (sids.includes(other)) this.of(sid).voterReachable(other, this.nowMs);
        else this.of(sid).voterUnreachable(other, this.nowMs);
      }
    }
  }

  /** The process is gone: what it sent and what was for it is lost, and the others notice. A new one starts empty. */
  crash(sid: number): void {
    this.pending = this.pending.filter(({ from, to }) => from !== sid && to !== sid);
    this.#boot(sid);
    for (const [other, election] of this.elections) {
      if (other !== sid) election.voterUnreachable(sid, this.nowMs);
    }
  }

  /** Delivers the message at this place of the queue. */
  deliver(index = 0): void {
    const [sent] = this.pending.splice(index, 1);
    this.of(sent.to).notification(sent.from, sent.notification, this.nowMs);
  }

  /** Delivers until nothing is on its way; `isLost` drops what it names. */
  settle(isLost: (sent: Sent) => boolean = () => false): void {
    for (let delivered = 0; this.pending.length > 0; delivered++) {
      if (delivered > 10_000) throw new Error('messages go on without end');
      if (isLost(this.pending[0])) this.pending.shift();
      else this.deliver();
    }
  }

  /** Time passes; everybody's timers that are due run. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const election of this.elections.values()) {
      if (election.nextDeadlineMs <= this.nowMs) election.advance(this.nowMs);
    }
  }

  /** Whom each server has found, by sid; null while it looks. */
  leaders(): (number | null)[] {
    return [...this.elections.values()].map((election) => election.result?.leader ?? null);
  }
}
