/** A configuration that cannot be used: one line with file, line, key, value and what is allowed. */
export class ConfigError extends Error {
    name = 'ConfigError';
    /** Apache's exit code for an invalid invocation (protocol/features.md §7). */
    exitCode = 2;
}
const PREFIX = 'zookeeper.';
/** All that zoo.cfg and -D say, with typed reading; what nobody asked for is left for {@link leftovers}. */
export class Settings {
    /** One line each: place, key, what is odd. */
    warnings = [];
    fileName;
    #file = new Map();
    #system = new Map();
    #asked = new Map();
    /** `fileName` as it shall stand in messages. */
    constructor(fileName, properties, systemProperties) {
        this.fileName = fileName;
        for (const property of properties) {
            const key = property.key.trim();
            const value = property.value.trim();
            const place = `${fileName}:${property.line}`;
            const before = this.#file.get(key);
            if (before !== undefined) {
                this.warnings.push(`${place}: ${key} was set before, at ${before.place}: the last one counts`);
            }
            this.#file.set(key, {
                key,
                value,
                place,
                label: `${place}: ${key}=${shown(key, value)}`,
                origin: 'file',
            });
        }
        for (const [key, given] of systemProperties) {
            const value = given.trim();
            const label = `-D${key}=${shown(key, value)}`;
            this.#system.set(key, { key, value, place: `-D${key}`, label, origin: 'system' });
        }
    }
    warn(setting, message) {
        this.warnings.push(`${setting.label}: ${message}`);
    }
    /** The setting that counts for `key`, or null. */
    find(key, scope) {
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
    #ask(key, scope) {
        const scopes = this.#asked.get(key);
        if (scopes === undefined)
            this.#asked.set(key, new Set([scope]));
        else
            scopes.add(scope);
    }
    #fromFileOnly(inFile) {
        if (inFile !== null) {
            this.warn(inFile, `counts here, but Apache ZooKeeper takes it only from -D${inFile.key} (SERVER_JVMFLAGS)`);
        }
        return inFile;
    }
    /** A number in decimal or, as java.lang.Integer.decode has it, in 0x form. Throws {@link ConfigError}. */
    wholeNumber(key, scope, allowed) {
        const setting = this.find(key, scope);
        if (setting === null)
            return allowed.default;
        const { min, max, unit } = allowed;
        const isNumber = /^[+-]?[0-9]+$/.test(setting.value) || /^0[xX][0-9a-fA-F]+$/.test(setting.value);
        const value = isNumber ? Number(setting.value) : Number.NaN;
        if (!(value >= min && value <= max)) {
            throw this.error(setting, `must be a whole number of ${unit} from ${min} to ${max}${commentHint(setting.value)}`);
        }
        return value;
    }
    /** A number such as 0.02. Throws {@link ConfigError}. */
    decimal(key, scope, allowed) {
        const setting = this.find(key, scope);
        if (setting === null)
            return allowed.default;
        const { min, max } = allowed;
        const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(setting.value) ? Number(setting.value) : Number.NaN;
        if (!(value >= min && value <= max)) {
            throw this.error(setting, `must be a number from ${min} to ${max}${commentHint(setting.value)}`);
        }
        return value;
    }
    /** Throws {@link ConfigError} for anything but true and false, where Java takes any other text for false. */
    flag(key, scope, whenAbsent) {
        return this.oneOf(key, scope, ['true', 'false'], whenAbsent ? 'true' : 'false') === 'true';
    }
    /** As {@link flag} for keys whose values are yes and no (forceSync, skipACL). */
    yesOrNo(key, whenAbsent) {
        return this.oneOf(key, 'property', ['yes', 'no'], whenAbsent ? 'yes' : 'no') === 'yes';
    }
    /** Takes upper and lower case alike. */
    oneOf(key, scope, values, whenAbsent) {
        const setting = this.find(key, scope);
        if (setting === null)
            return whenAbsent;
        const found = values.find((value) => value === setting.value.toLowerCase());
        if (found === undefined) {
            throw this.error(setting, `must be ${listed(values)}${commentHint(setting.value)}`);
        }
        return found;
    }
    error(setting, problem) {
        return new ConfigError(`${setting.label}: ${problem}`);
    }
    /** Keys that were asked for so far. */
    get knownKeys() {
        return [...this.#asked.keys()];
    }
    wasAsked(key, scope) {
        return this.#asked.get(key)?.has(scope) ?? false;
    }
    /** The line of zoo.cfg that counts for `key`, or null; does not count as asking. */
    lineOf(key) {
        return this.#file.get(key) ?? null;
    }
    /** Lines of zoo.cfg whose key nobody asked for. */
    leftovers() {
        return [...this.#file.values()].filter(({ key }) => !this.#asked.has(key));
    }
    /** All system properties. */
    systemSettings() {
        return [...this.#system.values()];
    }
    /** Lines of zoo.cfg whose key matches, whether asked for or not; marks them as asked for. */
    matching(pattern) {
        const found = [...this.#file.values()].filter(({ key }) => pattern.test(key));
        for (const { key } of found)
            this.#ask(key, 'parser');
        return found;
    }
}
/** Secrets stay out of messages and so out of logs. */
function shown(key, value) {
    return /password|superdigest|secret/i.test(key) ? '...' : value;
}
function commentHint(value) {
    return /\s[#!]/.test(value) ? ' (a comment needs a line of its own)' : '';
}
function listed(values) {
    return `${values.slice(0, -1).join(', ')} or ${values[values.length - 1]}`;
}
