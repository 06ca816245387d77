import type { Property } from './properties.ts';

/** A configuration that cannot be used: one line with file, line, key, value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Apache's exit code for an invalid invocation (protocol/features.md §7). */
  readonly exitCode = 2;
  /** The key that is wrong or missing, null where it is something else. */
  readonly key: string | null;

  constructor(message: string, key: string | null = null) {
    super(message);
    this.key = key;
  }
}

/** A value and where it stands, for messages: `zoo.cfg:12` or `-D`. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** `zoo.cfg:12: tickTime=abc`, or `-Dzookeeper.snapCount=abc`. */
  readonly label: string;
  /** `zoo.cfg:12`, or `-Dzookeeper.snapCount`. */
  readonly place: string;
  readonly origin: 'file' | 'system';
}

/**
 * Where Apache looks for a key (QuorumPeerConfig.parseProperties):
 * - `parser`: the parser takes it from zoo.cfg; a system property of that name has no effect.
 * - `property`: system property `zookeeper.<key>`, which a line `<key>=` of zoo.cfg sets, so that zoo.cfg wins over -D.
 * - `system`: system property `<key>` without prefix, which zoo.cfg cannot set in Apache; here a line of zoo.cfg counts
 *   when no -D is given, as whoever wrote it expects, with a warning.
 * - `own`: Menagerie's; zoo.cfg, then -D.
 */
export type Scope = 'parser' | 'property' | 'system' | 'own';

export interface WholeNumber {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** What is counted, as in `a whole number of <unit>`; null: it counts nothing. */
  readonly unit: string | null;
}

const PREFIX = 'zookeeper.';

/** All that zoo.cfg and -D say, with typed reading; what nobody asked for is left for {@link leftovers}. */
export class Settings {
  /** One line each: place, key, what is odd. */
  readonly warnings: string[] = [];
  readonly fileName: string;
  readonly #file = new Map<string, Setting>();
  readonly #system = new Map<string, Setting>();
  readonly #asked = new Map<string, Set<Scope>>();
  readonly #repeated: { readonly line: Setting; readonly before: Setting }[] = [];

  /** `fileName` as it shall stand in messages. */
  constructor(
    fileName: string,
    properties: readonly Property[],
    systemProperties: ReadonlyMap<string, string>,
  ) {
    this.fileName = fileName;
    for (const property of properties) {
      const key = property.key.trim();
      const value = property.value.trim();
      const place = `${fileName}:${property.line}`;
      const before = this.#file.get(key);
      if (before !== undefined) {
        this.warnings.push(`${place}: ${key} was set before, at ${before.place}: the last one counts`);
      }
      const label = `${place}: ${key}=${shown(key, value)}`;
      const line: Setting = { key, value, place, label, origin: 'file' };
      if (before !== undefined) this.#repeated.push({ line, before });
      this.#file.set(key, line);
    }
    for (const [key, given] of systemProperties) {
      const value = given.trim();
      const label = `-D${key}=${shown(key, value)}`;
      this.#system.set(key, { key, value, place: `-D${key}`, label, origin: 'system' });
    }
  }

  warn(setting: Setting, message: string): void {
    this.warnings.push(`${setting.label}: ${message}`);
  }

  /** The setting that counts for `key`, or null. */
  find(key: string, scope: Scope): Setting | null {
    this.#ask(key, scope);
    const inFile = this.#file.get(key) ?? null;
    switch (scope) {
      case 'parser':
        return inFile;
      case 'property':
        return inFile ?? this.#system.get(PREFIX + key) ?? null;
      case 'own':
        return inFile ?? this.#system.get(key) ?? this.#system.get(PREFIX + key) ?? null;
      case 'system':
        return this.#system.get(key) ?? this.#fromFileOnly(inFile);
    }
  }

  #ask(key: string, scope: Scope): void {
    const scopes = this.#asked.get(key);
    if (scopes === undefined) this.#asked.set(key, new Set([scope]));
    else scopes.add(scope);
  }

  #fromFileOnly(inFile: Setting | null): Setting | null {
    if (inFile !== null) {
      this.warn(
        inFile,
        `counts here, but Apache ZooKeeper takes it only from -D${inFile.key} (SERVER_JVMFLAGS)`,
      );
    }
    return inFile;
  }

  /** A number in decimal or, as java.lang.Integer.decode has it, in 0x form. Throws {@link ConfigError}. */
  wholeNumber(key: string, scope: Scope, allowed: WholeNumber): number {
    const setting = this.find(key, scope);
    if (setting === null) return allowed.default;
    const { min, max, unit } = allowed;
    const isNumber = /^[+-]?[0-9]+$/.test(setting.value) || /^0[xX][0-9a-fA-F]+$/.test(setting.value);
    const value = isNumber ? Number(setting.value) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw this.error(
        setting,
        `must be a whole number${unit === null ? '' : ` of ${unit}`} from ${min} to ${max}${commentHint(setting.value)}`,
      );
    }
    return value;
  }

  /** A number such as 0.02. Throws {@link ConfigError}. */
  decimal(key: string, scope: Scope, allowed: Omit<WholeNumber, 'unit'>): number {
    const setting = this.find(key, scope);
    if (setting === null) return allowed.default;
    const { min, max } = allowed;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(setting.value) ? Number(setting.value) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw this.error(setting, `must be a number from ${min} to ${max}${commentHint(setting.value)}`);
    }
    return value;
  }

  /** Throws {@link ConfigError} for anything but true and false, where Java takes any other text for false. */
  flag(key: string, scope: Scope, whenAbsent: boolean): boolean {
    return this.oneOf(key, scope, ['true', 'false'], whenAbsent ? 'true' : 'false') === 'true';
  }

  /** As {@link flag} for keys whose values are yes and no (forceSync, skipACL). */
  yesOrNo(key: string, whenAbsent: boolean): boolean {
    return this.oneOf(key, 'property', ['yes', 'no'], whenAbsent ? 'yes' : 'no') === 'yes';
  }

  /** Takes upper and lower case alike. */
  oneOf<T extends string>(key: string, scope: Scope, values: readonly T[], whenAbsent: NoInfer<T>): T {
    const setting = this.find(key, scope);
    if (setting === null) return whenAbsent;
    const found = values.find((value) => value === setting.value.toLowerCase());
    if (found === undefined) {
      throw this.error(setting, `must be ${listed(values)}${commentHint(setting.value)}`);
    }
    return found;
  }

  error(setting: Setting, problem: string): ConfigError {
    return new ConfigError(`${setting.label}: ${problem}`, setting.key);
  }

  /** Keys that were asked for so far. */
  get knownKeys(): readonly string[] {
    return [...this.#asked.keys()];
  }

  wasAsked(key: string, scope: Scope): boolean {
    return this.#asked.get(key)?.has(scope) ?? false;
  }

  /** The line of zoo.cfg that counts for `key`, or null; does not count as asking. */
  lineOf(key: string): Setting | null {
    return this.#file.get(key) ?? null;
  }

  /** Lines of zoo.cfg whose key nobody asked for. */
  leftovers(): Setting[] {
    return [...this.#file.values()].filter(({ key }) => !this.#asked.has(key));
  }

  /** All system properties. */
  systemSettings(): Setting[] {
    return [...this.#system.values()];
  }

  /** Lines of zoo.cfg whose key matches and stood in an earlier one, too. */
  repeated(pattern: RegExp): { readonly line: Setting; readonly before: Setting }[] {
    return this.#repeated.filter(({ line }) => pattern.test(line.key));
  }

  /** Lines of zoo.cfg whose key matches, whether asked for or not; marks them as asked for. */
  matching(pattern: RegExp): Setting[] {
    const found = [...this.#file.values()].filter(({ key }) => pattern.test(key));
    for (const { key } of found) this.#ask(key, 'parser');
    return found;
  }
}

/** Secrets stay out of messages and so out of logs. */
function shown(key: string, value: string): string {
  return /password|superdigest|secret/i.test(key) ? '...' : value;
}

function commentHint(value: string): string {
  return /\s[#!]/.test(value) ? ' (a comment needs a line of its own)' : '';
}

function listed(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values[values.length - 1]}`;
}
