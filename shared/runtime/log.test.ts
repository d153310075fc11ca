import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const module = new URL('log.js', import.meta.url).href;

/** Runs statements that have `log`, in a process of its own. */
function run(statements: string, level = 'info'): { stdout: string; lines: Record<string, unknown>[]; stderr: string } {
  const script = `import { createLog } from ${JSON.stringify(module)};
    const log = createLog('tester', ${JSON.stringify(level)});
    ${statements}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const lines = stderr.split('\n').filter((line) => line !== '');
  return { stdout, stderr, lines: lines.map((line) => JSON.parse(line)) };
}

test('a log writes one JSON object a line to standard error and nothing to standard output', () => {
  const { stdout, lines } = run(`log.info({ device: 'pi-1', ms: 3 }, 'hello'); log.warn('again');`);
  expect(stdout).toBe('');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ name: 'tester', level: 30, device: 'pi-1', ms: 3, msg: 'hello' });
});

test('a log is silent below its level, and wholly at "silent"', () => {
  expect(run(`log.info('a'); log.warn('b');`, 'warn').lines).toHaveLength(1);
  expect(run(`log.fatal('a');`, 'silent').stderr).toBe('');
});

describe('a secret is never written', () => {
  test('under a name that says so, at any depth, in any spelling', () => {
    const { stderr, lines } = run(`
      log.info({ token: 'hush-1', Authorization: 'Bearer hush-2', password: 'hush-3' });
      log.info({ a: { b: { c: { d: [{ token: 'hush-4' }, { headers: { authorization: 'hush-5' } }] } } } });
      log.info({ enrolmentToken: 'hush-6', access_token: 'hush-7', 'set-cookie': ['hush-8'], privateKey: 'hush-9' });
      log.info({ token: { value: 'hush-10' }, joinToken: 4711 });
    `);
    expect(lines).toHaveLength(4);
    expect(stderr).not.toMatch(/hush|4711/);
  });

  test('that was bound to a child log, or hangs on an object, an error or its cause', () => {
    const { stderr, lines } = run(`
      log.child({ token: 'hush-1', peer: { password: 'hush-2' } }).info('bound');
      log.info({ peer: new (class { token = 'hush-3'; toJSON() { return { token: this.token }; } })() });
      const error = Object.assign(new Error('failed'), { request: { headers: { authorization: 'hush-4' } } });
      log.error({ err: error }, 'first');
      log.error(error);
      log.error({ error, nested: { err: error } });
    `);
    expect(lines).toHaveLength(5);
    expect(stderr).not.toContain('hush');
  });

  test('when it is an access token inside a text', () => {
    const { stderr } = run(`
      const token = 'edgent1.eyJyb2xlIjoi-_.c2lnbmF0dXJl';
      log.info('refused ' + token + ' twice ' + token);
      log.warn({ url: 'mqtt://u:' + token + '@host' }, 'x %s', token);
      log.error(new Error('bad ' + token));
    `);
    expect(stderr).not.toMatch(/eyJyb2xl|c2lnbmF0/);
    expect(stderr).toContain('refused [Redacted] twice [Redacted]');
  });

  test('while what is no secret stays readable', () => {
    const { lines } = run(
      `log.info({ hasToken: true, tokenFiles: 'a.txt', token: null, tokens: 3 }, 'a token was used');`,
    );
    expect(lines[0]).toMatchObject({
      hasToken: true,
      tokenFiles: 'a.txt',
      token: null,
      tokens: 3,
      msg: 'a token was used',
    });
  });
});
