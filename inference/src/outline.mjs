// An ONNX file without its large weights: they stay in the file, and onnxruntime maps them from there instead of copying them for every session.
//
// Of the protobuf only this is read: ModelProto.graph = 7, GraphProto.initializer = 5, TensorProto { data_type = 2, raw_data = 9,
// external_data = 13 of { key = 1, value = 2 }, data_location = 14 with EXTERNAL = 1 }. Whatever else there is comes over as it is.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const GRAPH = 7;
const INITIALIZER = 5;
const DATA_TYPE = 2;
const RAW_DATA = 9;
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
/** UINT8 and INT8: wider numbers would have to lie aligned, which the file does not promise. */
const ONE_BYTE = [2, 3];
const WORTH_BYTES = 16_384;

/** The model's bytes, naming `location` (the file, seen from the session's folder of weights) for what stays. Throws where it is no ONNX file. */
export function outlineOf(file, location) {
  const fd = openSync(file, 'r');
  try {
    const tensor = (from, to) => tensorOf(fd, from, to, location);
    const graph = (from, to) => messageOf(fd, from, to, { [INITIALIZER]: tensor });
    return Buffer.concat(messageOf(fd, 0, fstatSync(fd).size, { [GRAPH]: graph }));
  } finally {
    closeSync(fd);
  }
}

/** The message's bytes, the fields that are named written anew. */
function messageOf(fd, from, to, rewritten) {
  return fieldsOf(fd, from, to).flatMap(({ field, at, body, end }) =>
    rewritten[field] ? nested(field, rewritten[field](body, end)) : [bytes(fd, at, end)],
  );
}

function tensorOf(fd, from, to, location) {
  const fields = fieldsOf(fd, from, to);
  const raw = fields.find(({ field }) => field === RAW_DATA);
  const type = fields.find(({ field }) => field === DATA_TYPE)?.number;
  if (!raw || raw.end - raw.body < WORTH_BYTES || !ONE_BYTE.includes(type)) return [bytes(fd, from, to)];
  const place = { location, offset: raw.body, length: raw.end - raw.body };
  return [
    ...fields.filter((field) => field !== raw).map(({ at, end }) => bytes(fd, at, end)),
    ...Object.entries(place).flatMap(([key, value]) => nested(EXTERNAL_DATA, [...text(1, key), ...text(2, String(value))])),
    Buffer.from([DATA_LOCATION << 3, 1]),
  ];
}

/** Each field's place: from `at`, its content from `body`, to `end`; `number` where it is one. */
function fieldsOf(fd, from, to) {
  const found = [];
  const head = Buffer.alloc(20);
  for (let at = from; at < to; at = found.at(-1).end) {
    readSync(fd, head, 0, head.length, at);
    const tag = varint(head, 0);
    const kind = tag.number & 7;
    const value = kind === 0 || kind === 2 ? varint(head, tag.end) : { end: tag.end };
    const length = [0, 8, value.number, undefined, undefined, 4][kind];
    const end = at + value.end + length;
    if (!(end <= to)) throw new Error('it is no ONNX file, or a damaged one');
    found.push({ field: Math.floor(tag.number / 8), at, body: at + value.end, end, ...(kind === 0 && { number: value.number }) });
  }
  return found;
}

function varint(from, at) {
  let number = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = from[at++] ?? 0;
    number += (byte & 127) * scale;
    if (byte < 128) return { number, end: at };
  }
}

function nested(field, parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [varintBytes(field * 8 + 2), varintBytes(length), ...parts];
}

function text(field, value) {
  return nested(field, [Buffer.from(value)]);
}

function varintBytes(number) {
  const out = [];
  let rest = number;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}

function bytes(fd, from, to) {
  const found = Buffer.alloc(to - from);
  readSync(fd, found, 0, found.length, from);
  return found;
}
