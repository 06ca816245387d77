/** However long a session may be silent, its client says something this often. */
const PING_INTERVAL_MS_MAX = 10_000;

/** What a heartbeat watches over, by the monotonic clock. */
export interface Pulse {
  readonly receivedAtMs: number;
  readonly sentAtMs: number;
}

/**
 * Keeps a session alive on one connection: pings when nothing was sent for a third of the session's time-out, and reports a
 * server that was silent for two thirds, so that a third is left to find another.
 */
export class Heartbeat {
  readonly #pulse: Pulse;
  readonly #pingIntervalMs: number;
  readonly #silenceMs: number;
  readonly #ping: () => void;
  readonly #onSilence: (silentMs: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #isSecondLook = false;

  constructor(
    pulse: Pulse,
    sessionTimeoutMs: number,
    ping: () => void,
    onSilence: (silentMs: number) => void,
  ) {
    this.#pulse = pulse;
    this.#pingIntervalMs = Math.min(PING_INTERVAL_MS_MAX, sessionTimeoutMs / 3);
    this.#silenceMs = (sessionTimeoutMs * 2) / 3;
    this.#ping = ping;
    this.#onSilence = onSilence;
    this.#schedule(performance.now());
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(now: number): void {
    const pingAt = this.#pulse.sentAtMs + this.#pingIntervalMs;
    const silentAt = this.#pulse.receivedAtMs + this.#silenceMs;
    this.#timer = setTimeout(() => this.#beat(), Math.max(1, Math.ceil(Math.min(pingAt, silentAt) - now)));
  }

  #beat(): void {
    const now = performance.now();
    const silentMs = now - this.#pulse.receivedAtMs;
    if (silentMs >= this.#silenceMs) {
      // After a stall of this process the server's bytes may be here, unread: sockets are read before the next look.
      if (this.#isSecondLook) {
        this.#onSilence(Math.round(silentMs));
        return;
      }
      this.#isSecondLook = true;
      this.#timer = setTimeout(() => this.#beat(), 5);
      return;
    }
    this.#isSecondLook = false;
    if (now - this.#pulse.sentAtMs >= this.#pingIntervalMs - 1) this.#ping();
    this.#schedule(performance.now());
  }
}
