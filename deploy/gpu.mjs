// Puts llama.cpp's GPU builds back, which a plain clone leaves out by npm overrides: node deploy/gpu.mjs && npm install
import { readFileSync, writeFileSync } from 'node:fs';

const [manifest, lock] = ['../package.json', '../package-lock.json'].map((file) => new URL(file, import.meta.url));
const isGpu = (name) => /(^|\/)@node-llama-cpp\/[a-z0-9-]+-(cuda|cuda-ext|vulkan)$/.test(name);
const write = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

const project = JSON.parse(readFileSync(manifest, 'utf8'));
const taken = Object.keys(project.overrides).filter(isGpu);
for (const name of taken) delete project.overrides[name];
write(manifest, project);
// The lock holds the empty packages that stood in for them; npm finds the real ones when it is asked again.
const locked = JSON.parse(readFileSync(lock, 'utf8'));
for (const path of Object.keys(locked.packages)) if (isGpu(path)) delete locked.packages[path];
write(lock, locked);
console.log(
  taken.length > 0 ? `taken out of the overrides: ${taken.join(', ')}. Now run npm install.` : 'the GPU builds are not left out here.',
);
