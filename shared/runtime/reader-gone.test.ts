import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const module = new URL('reader-gone.js', import.meta.url).href;
const script = `import { onReaderGone } from ${JSON.stringify(module)};
  onReaderGone(() => {
    process.stderr.write('reader gone\\n');
    setImmediate(() => process.exit(7));
  });
  setInterval(() => process.stdout.write('line\\n'), 1);`;

test('a process whose reader has gone is told once, and ends as it wants', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 7, stderr: 'reader gone\n' });
});
