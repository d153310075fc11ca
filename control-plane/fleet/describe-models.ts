import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { describeModel } from '../../shared/model/describe-model.ts';
import { requireUploadOperators } from '../../shared/model/operators.ts';
import { parseModel } from '../../shared/model/parse-model.ts';
import { isFleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { ModelFiles } from '../store/model-files.ts';
import type { Store } from '../store/store.ts';

/**
 * Describes each stored model that has no description yet, by running it once; only operators of the allow-list are
 * run here. A model that cannot be described is logged and served all the same: it has no predictions and no maps.
 * Blocks for the time of two runs of each.
 */
export async function describeModels(options: {
  store: Pick<Store, 'descriptions'>;
  files: Pick<ModelFiles, 'read'>;
  log: Log;
}): Promise<void> {
  const { store, files, log } = options;
  for (const digest of store.descriptions.missing()) {
    try {
      const graph = parseModel(await files.read(digest));
      requireUploadOperators(graph);
      store.descriptions.put(digest, describeModel(graph, await traceShapes(graph)));
    } catch (error) {
      if (!isFleetError(error)) throw error;
      log.error({ model: digest, code: error.code, reason: error.message }, 'model not described');
    }
  }
}
