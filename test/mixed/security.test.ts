import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { apacheMissing, delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';

const OURS = 2;
/** One that is called by ours, and one that calls it. */
const APACHE = [1, 3];
const options = { skip: apacheMissing() ?? false, timeout: 180_000 };

interface Demand {
  readonly config: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Two of Apache's servers, which demand something of each other that ours does not offer, and ours: the two serve on, ours does
 * not, and says why: at most `linesMax` lines, among them one for each of `complaints`.
 */
async function assertKeptOut(
  context: TestContext,
  demand: Demand,
  complaints: readonly RegExp[],
): Promise<void> {
  const kind = (sid: number) => (sid === OURS ? 'menagerie' : 'apache');
  const ensemble = await EnsembleProcesses.prepare({
    voters: 3,
    kind,
    configOf: (sid) => (sid === OURS ? [] : demand.config),
    env: (sid) => (sid === OURS ? {} : demand.env),
  });
  context.after(() => ensemble.dispose());
  ensemble.launch(...ensemble.sids);
  const leader = await ensemble.settled(APACHE);
  const ours = ensemble.server(OURS);
  for (const complaint of complaints) {
    await ensemble.until(`ours says ${complaint}`, async () => (complaint.test(ours.output) ? true : null));
  }
  const client = await WireClient.connect({ port: ensemble.port(leader) });
  ok(await client.create('/goes-on'));
  // What is said again and again is said once.
  const before = warnings(ours.output);
  await delay(3000);
  for (let i = 0; i < 20; i++) ok(await client.setData('/goes-on', null));
  const after = warnings(ours.output);
  assert.ok(after.length - before.length <= 2, after.join('\n'));
  const attempts = ours.output
    .split('\n')
    .filter((line) => line.includes('INFO: [main] election connection'));
  assert.ok(attempts.length <= 8, attempts.join('\n'));
  assert.equal(await ensemble.settled(APACHE), leader);
  assert.equal(await ensemble.mode(OURS), null);
  assert.ok(ours.isRunning);
  await client.leave();
}

function warnings(output: string): string[] {
  return output.split('\n').filter((line) => / (WARN|ERROR|FATAL): /.test(line));
}

async function directory(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'menagerie-test-security-'));
  context.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('Apache demands SASL of the other servers', options, async (context) => {
  const jaas = join(await directory(context), 'jaas.conf');
  const module = 'org.apache.zookeeper.server.auth.DigestLoginModule required';
  await writeFile(
    jaas,
    `QuorumServer { ${module} user_zk="secret"; };\nQuorumLearner { ${module} username="zk" password="secret"; };\n`,
  );
  const keys = ['enableSasl', 'learnerRequireSasl', 'serverRequireSasl'];
  await assertKeptOut(
    context,
    {
      config: keys.map((key) => `quorum.auth.${key}=true`),
      env: { JAVA_TOOL_OPTIONS: `-Djava.security.auth.login.config=${jaas}` },
    },
    [/SASL/],
  );
});

test('Apache demands TLS of the other servers', options, async (context) => {
  const path = await directory(context);
  const [store, trusted, certificate] = ['key.p12', 'trust.p12', 'key.pem'].map((name) => join(path, name));
  const type = ['-alias', 'server', '-storetype', 'PKCS12', '-storepass', 'secret', '-noprompt'];
  await keytool('-genkeypair', ...type, '-keystore', store, '-keyalg', 'EC', '-dname', 'CN=localhost');
  await keytool('-exportcert', ...type, '-keystore', store, '-file', certificate);
  await keytool('-importcert', ...type, '-keystore', trusted, '-file', certificate);
  const stores = [
    ['keyStore', store],
    ['trustStore', trusted],
  ].flatMap(([name, file]) => [
    `ssl.quorum.${name}.location=${file}`,
    `ssl.quorum.${name}.password=secret`,
    `ssl.quorum.${name}.type=PKCS12`,
  ]);
  await assertKeptOut(
    context,
    { config: ['sslQuorum=true', 'ssl.quorum.hostnameVerification=false', ...stores], env: {} },
    [/TLS/],
  );
});

async function keytool(...args: readonly string[]): Promise<void> {
  const { code, output } = await runCommand('keytool', args, { timeoutMs: 60_000 });
  assert.equal(code, 0, output);
}
