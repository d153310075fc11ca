import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../shared/testing/data-folder.ts';
import { readTraceSets } from './trace-sets.ts';

test('a data folder that is missing, or has no traces, is named under the code of data', () => {
  for (const folder of [join(repositoryRoot, 'no-such-folder'), repositoryRoot]) {
    const missing = join(folder, 'lte-belgium');
    expect(() => readTraceSets(folder)).toThrow(
      expect.objectContaining({ code: 'data-missing', message: expect.stringContaining(missing) }),
    );
  }
});
