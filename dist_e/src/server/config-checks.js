import { getHashes } from 'node:crypto';
import { isParserKey, ruleOfLine, ruleOfProperty, ruleOfSystemProperty, similarKey, } from './config-keys.js';
import { fourLetterWords } from './four-letter-words.js';
/**
 * Goes through what was given but not read: known keys of features that are not built warn, or end the start with a
 * ConfigError where that would be unsafe; unknown keys warn. To be called after all keys were read.
 */
export function reportUnreadKeys(settings) {
    for (const line of settings.leftovers()) {
        if (isSilencedAdminKey(settings, line.key))
            continue;
        const rule = ruleOfLine(line.key);
        if (rule === null)
            settings.warn(line, unknown(settings, line.key));
        else
            applyRule(settings, line, rule);
    }
    for (const setting of settings.systemSettings())
        reportSystemProperty(settings, setting);
}
function reportSystemProperty(settings, setting) {
    if (!setting.key.startsWith('zookeeper.')) {
        const isOwn = setting.key.startsWith('menagerie.');
        const rule = ruleOfSystemProperty(setting.key);
        if (isOwn && !settings.wasAsked(setting.key, 'own'))
            settings.warn(setting, unknown(settings, setting.key));
        else if (isOwn)
            warnIfOverridden(settings, setting, setting.key);
        // Others are Java's own, of no concern to us.
        else if (rule !== null)
            applyRule(settings, setting, rule);
        return;
    }
    const key = setting.key.slice('zookeeper.'.length);
    const rule = ruleOfProperty(key);
    if (settings.wasAsked(key, 'property') || settings.wasAsked(key, 'own')) {
        warnIfOverridden(settings, setting, key);
    }
    else if (settings.wasAsked(key, 'system')) {
        settings.warn(setting, `has no effect: the name is ${key}, without "zookeeper."`);
    }
    else if (settings.wasAsked(key, 'parser') || isParserKey(key)) {
        settings.warn(setting, `has no effect: ${key} counts in zoo.cfg only`);
    }
    else if (rule === null) {
        settings.warn(setting, unknown(settings, key));
    }
    else if (settings.lineOf(key) === null && !isSilencedAdminKey(settings, key)) {
        applyRule(settings, setting, rule);
    }
}
/** Settings of the admin server say nothing where it is switched off. */
function isSilencedAdminKey(settings, key) {
    if (!key.startsWith('admin.'))
        return false;
    return settings.lineOf('admin.enableServer')?.value.toLowerCase() === 'false';
}
function warnIfOverridden(settings, setting, key) {
    const line = settings.lineOf(key);
    if (line !== null && line.value !== setting.value)
        settings.warn(setting, `has no effect: ${line.place} wins`);
}
function applyRule(settings, setting, rule) {
    switch (rule.kind) {
        case 'harmless':
            return;
        case 'notBuilt':
            if (!rule.off.includes(setting.value.toLowerCase()))
                settings.warn(setting, rule.feature);
            return;
        case 'refused':
            if (!rule.off.includes(setting.value.toLowerCase())) {
                throw settings.error(setting, `${rule.feature}; take the line out to start without it`);
            }
            return;
    }
}
function unknown(settings, key) {
    if (key.startsWith('zookeeper.'))
        return `unknown key, ignored: in zoo.cfg it is written ${key.slice(10)}`;
    const similar = similarKey(key, settings.knownKeys);
    return similar === null ? 'unknown key, ignored' : `unknown key, ignored; is ${similar} meant?`;
}
/** The words of 4lw.commands.whitelist, with those that are always on (protocol/client.md §12). */
export function parseWhitelist(settings, readOnlyModeEnabled) {
    const setting = settings.find('4lw.commands.whitelist', 'property');
    const words = new Set(['srvr']);
    if (readOnlyModeEnabled)
        words.add('isro');
    for (const word of (setting?.value ?? '').split(',').map((part) => part.trim())) {
        if (word === '')
            continue;
        if (setting !== null && word !== '*' && !fourLetterWords.includes(word)) {
            settings.warn(setting, `"${word}" is no four-letter word`);
        }
        words.add(word);
    }
    return [...words];
}
/** DigestAuthenticationProvider.digestAlg, a java.security.MessageDigest name, as node:crypto names it. */
export function parseDigestAlgorithm(settings) {
    const setting = settings.find('DigestAuthenticationProvider.digestAlg', 'property');
    if (setting === null)
        return 'sha1';
    const name = setting.value.toLowerCase();
    const algorithm = name.replace(/^sha-(?=\d)/, 'sha').replace('/', '-');
    if (!getHashes().includes(algorithm)) {
        throw settings.error(setting, 'must be a digest that this Node.js has, such as SHA1, SHA-256, SHA-512 or SHA3-256');
    }
    return algorithm;
}
