// Writes argv[2] to argv[3] with one difference: a request of 90 or more headers traps the VM.
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const [source, target] = process.argv.slice(2);
// What rustc emits for this target, and Envoy's engine takes.
const { BulkMemory, MutableGlobals, Multivalue, NontrappingFPToInt, ReferenceTypes, SignExt } =
  binaryen.Features;
const features =
  BulkMemory | MutableGlobals | Multivalue | NontrappingFPToInt | ReferenceTypes | SignExt;
const module = binaryen.readBinary(readFileSync(source));
module.setFeatures(features);
const name = "proxy_on_request_headers";
const { value: inner } = binaryen.getExportInfo(module.getExport(name));
const { i32 } = binaryen;
const get = (index) => module.local.get(index, i32);
const body = module.if(
  module.i32.ge_u(get(1), module.i32.const(90)),
  module.unreachable(),
  module.return(module.call(inner, [get(0), get(1), get(2)], i32)),
);
module.addFunction("trap_or_go_on", binaryen.createType([i32, i32, i32]), i32, [], module.block(null, [body, module.unreachable()]));
module.removeExport(name);
module.addFunctionExport("trap_or_go_on", name);
writeFileSync(target, module.emitBinary());
