// Inference as a process of its own: `npm start -w inference`, with REDIS_URL. Metrics and health are on METRICS_PORT.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { InferenceError } from './errors.ts';
import { readSettings, startInference } from './index.ts';
import { serve } from './serve.ts';

/** Resolves with what stops it. */
export async function start(): Promise<() => Promise<void>> {
  const envFile = fileURLToPath(new URL('../../.env', import.meta.url));
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const settings = readSettings(process.env);
  const { redisUrl, host, metricsPort: port } = settings;
  if (!redisUrl)
    throw new InferenceError('settings_invalid', 'REDIS_URL: needed by inference as a process of its own; set it, or run `npm start`');
  const log = pino({ level: settings.logLevel, base: undefined }, process.stderr);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  // The port comes first: while models load, whoever looks is told what is still missing.
  let ready = async () => ({ ready: false, failing: [{ name: 'models', reason: 'they are being loaded' }] });
  const server = await serve({ ready: () => ready(), metrics, host, port });
  try {
    const inference = await startInference({ settings, connection: { redisUrl }, log, metrics });
    ready = inference.ready;
    console.log(`Inference is up: generator ${inference.generator}, metrics at ${server.address}/metrics`);
    return async () => {
      await inference.stop();
      await server.close();
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
