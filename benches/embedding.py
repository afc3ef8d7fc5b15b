"""The other side of benches/embedding.rs: the same model in onnxruntime, as a Python program would run it.

Reads from standard input one JSON value a line, answers each with one line: a list of texts is embedded, and the answer says how long that
took. The ONNX graph is built here from the safetensors, since the model comes without one, with the fused operators that
onnxruntime's own optimizer for transformers would put in. Tokenizing is part of the time, as on the other side; texts are
sorted by length and padded to the longest of a batch, as sentence-transformers does.

    python embedding.py MODEL_FOLDER THREADS
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

folder, threads = sys.argv[1], int(sys.argv[2])
config = json.load(open(folder + "/config.json"))
heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
weights = load_file(folder + "/model.safetensors")
nodes, tensors = [], []


def tensor(name, value):
    tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def weight(name):
    return tensor(name, weights[name])


def node(kind, inputs, output, domain="com.microsoft", extra=0, **attributes):
    outputs = [output] + [""] * extra
    nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
    return output


def turned(name):
    return tensor(name + ".t", weights[name + ".weight"].T)


def norm(x, more, bias, name, output):
    scale, shift = weight(name + ".weight"), weight(name + ".bias")
    return node("SkipLayerNormalization", [x, more, scale, shift, bias], output, epsilon=config["layer_norm_eps"])


def graph():
    e = "embeddings."
    nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            ["ids", "types", weight(e + "word_embeddings.weight"), weight(e + "position_embeddings.weight"),
             weight(e + "token_type_embeddings.weight"), weight(e + "LayerNorm.weight"), weight(e + "LayerNorm.bias"),
             "mask"],
            ["x", "lengths"], domain="com.microsoft", epsilon=config["layer_norm_eps"],
        )
    )
    x = "x"
    for number in range(layers):
        p = f"encoder.layer.{number}."
        three = [p + "attention.self." + kind for kind in ("query", "key", "value")]
        w = tensor(p + "qkv", np.concatenate([weights[name + ".weight"] for name in three]).T)
        b = tensor(p + "qkv.bias", np.concatenate([weights[name + ".bias"] for name in three]))
        y = node("Attention", [x, w, b, "lengths"], p + "mixed", num_heads=heads)
        y = node("MatMul", [y, turned(p + "attention.output.dense")], p + "out", domain="")
        x = norm(x, y, weight(p + "attention.output.dense.bias"), p + "attention.output.LayerNorm", p + "x1")
        y = node("MatMul", [x, turned(p + "intermediate.dense")], p + "wide", domain="")
        y = node("BiasGelu", [y, weight(p + "intermediate.dense.bias")], p + "gelu")
        y = node("MatMul", [y, turned(p + "output.dense")], p + "narrow", domain="")
        x = norm(x, y, weight(p + "output.dense.bias"), p + "output.LayerNorm", p + "x2")
    ids = [helper.make_tensor_value_info(n, TensorProto.INT32, ["b", "n"]) for n in ("ids", "types", "mask")]
    out = [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["b", "n", config["hidden_size"]])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(helper.make_graph(nodes, "bert", ids, out, tensors), opset_imports=opsets, ir_version=10)
    return made.SerializeToString()


options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
started = time.perf_counter()
session = ort.InferenceSession(graph(), options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)


def embed(texts, batch):
    tokens = [t.ids for t in tokenizer.encode_batch(texts)]
    order = sorted(range(len(texts)), key=lambda i: -len(tokens[i]))
    vectors = np.zeros((len(texts), config["hidden_size"]), np.float32)
    for at in range(0, len(order), batch):
        own = order[at : at + batch]
        width = len(tokens[own[0]])
        ids = np.zeros((len(own), width), np.int32)
        mask = np.zeros((len(own), width), np.int32)
        for row, i in enumerate(own):
            ids[row, : len(tokens[i])] = tokens[i]
            mask[row, : len(tokens[i])] = 1
        out = session.run(None, {"ids": ids, "types": np.zeros_like(ids), "mask": mask})[0]
        sums = (out * mask[:, :, None]).sum(1)
        vectors[own] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return vectors


print(json.dumps({"ready_s": time.perf_counter() - started, "version": ort.__version__}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    started = time.perf_counter()
    vectors = embed(asked["texts"], asked["batch"])
    took = time.perf_counter() - started
    with open("/proc/self/status") as status:
        rss = next(int(l.split()[1]) // 1024 for l in status if l.startswith("VmRSS"))
    print(json.dumps({"took_s": took, "first": vectors[0].tolist(), "rss_mb": rss}), flush=True)
