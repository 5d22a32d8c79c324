// The thread that owns one onnxruntime session. Plain JavaScript: a thread gets none of the TypeScript loading of the process that starts it.
import { basename, dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import ort from 'onnxruntime-node';
import { outlineOf } from './outline.mjs';

const { modelFile } = workerData;
const session = await ort.InferenceSession.create(outlineOf(modelFile, basename(modelFile)), {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' }, model_external_initializers_file_folder_path: dirname(modelFile) } },
});

parentPort.on('message', async ({ id, feeds, release }) => {
  if (release) {
    await session.release();
    process.exit(0);
  }
  try {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
    );
    const results = await session.run(inputs);
    const outputs = {};
    for (const [name, { type, data, dims }] of Object.entries(results)) outputs[name] = { type, data, dims: [...dims] };
    parentPort.postMessage(
      { id, outputs },
      Object.values(outputs).map(({ data }) => data.buffer),
    );
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.message ?? error) });
  }
});
parentPort.postMessage({ ready: true, inputs: [...session.inputNames], outputs: [...session.outputNames] });
