//! Catalog of the models that can be downloaded by name. A new model is an entry here; a new use of
//! models is a variant of `Use` with the files that it requires.

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Text embeddings: `[embed]`.
    Embed,
    /// Scores of question and passage: `[rerank]`.
    Rerank,
    /// Answers in a passage: `[qa]`.
    AnswerQuestions,
    /// Speech to text: `[speech]`. One file in whisper.cpp's format, of any name.
    Listen,
    /// Voice activity detection: `[speech] vad_model`. One file in whisper.cpp's format, of any
    /// name.
    Voices,
}

impl Use {
    /// Required files; empty when the model is one file of any name.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Self::Embed | Self::Rerank | Self::AnswerQuestions => {
                &["config.json", "tokenizer.json", "model.safetensors"]
            }
            Self::Listen | Self::Voices => &[],
        }
    }

    /// Optional files.
    pub(crate) fn more(self) -> &'static [&'static str] {
        match self {
            Self::Embed => &[
                "modules.json",
                "1_Pooling/config.json",
                "sentence_bert_config.json",
                "tokenizer_config.json",
                "config_sentence_transformers.json",
            ],
            Self::AnswerQuestions => &["tokenizer_config.json"],
            Self::Rerank => &["sentence_bert_config.json", "tokenizer_config.json"],
            Self::Listen | Self::Voices => &[],
        }
    }

    /// Short label for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embeddings",
            Self::Rerank => "reranking",
            Self::AnswerQuestions => "answers",
            Self::Listen => "voice notes",
            Self::Voices => "finds speech",
        }
    }
}

/// A model on the hub, pinned to a commit.
#[derive(Debug, Clone, Copy)]
pub struct CatalogModel {
    /// Name in the catalog.
    pub name: &'static str,
    /// What it is for.
    pub purpose: Use,
    /// What the model is good at, and what it needs.
    pub about: &'static str,
    /// Size of its files, in millions of bytes.
    pub megabytes: u32,
    /// `owner/name` on the hub.
    pub repository: &'static str,
    /// Commit hash.
    pub revision: &'static str,
    /// Files, the largest last.
    pub parts: &'static [Part],
}

impl CatalogModel {
    /// About its size, in bytes.
    pub fn bytes(&self) -> u64 {
        u64::from(self.megabytes) * 1_000_000
    }
}

/// A file of a model.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Path on the hub and in the model folder.
    pub path: &'static str,
    /// Expected SHA-256; empty: the one that the hub reports.
    pub sha256: &'static str,
    /// Whether the model works without the file.
    pub optional: bool,
}

const fn part(path: &'static str, sha256: &'static str) -> Part {
    Part { path, sha256, optional: false }
}

/// A whisper.cpp model, which is one file.
const fn whisper(
    name: &'static str,
    (megabytes, about): (u32, &'static str),
    file: &'static [Part],
) -> CatalogModel {
    CatalogModel {
        name,
        purpose: Use::Listen,
        about,
        megabytes,
        repository: "ggerganov/whisper.cpp",
        revision: "5359861c739e955e79d9a303bcbc70fb988958b1",
        parts: file,
    }
}

const fn optional(path: &'static str) -> Part {
    Part { path, sha256: "", optional: true }
}

/// Files of a model for question answering.
const QA_PARTS: &[Part] = &[
    part("config.json", ""),
    optional("tokenizer_config.json"),
    part("tokenizer.json", ""),
    part("model.safetensors", ""),
];

/// Downloadable models; for each use the preferred one comes first.
pub const CATALOG: &[CatalogModel] = &[
    CatalogModel {
        name: "multilingual-e5-small",
        purpose: Use::Embed,
        about: "about 100 languages, 384 numbers",
        megabytes: 490,
        repository: "intfloat/multilingual-e5-small",
        revision: "614241f622f53c4eeff9890bdc4f31cfecc418b3",
        parts: &[
            part("config.json", ""),
            part("modules.json", ""),
            part("1_Pooling/config.json", ""),
            optional("sentence_bert_config.json"),
            optional("tokenizer_config.json"),
            part("tokenizer.json", ""),
            part(
                "model.safetensors",
                "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477",
            ),
        ],
    },
    CatalogModel {
        name: "all-MiniLM-L6-v2",
        purpose: Use::Embed,
        about: "English, 384 numbers",
        megabytes: 91,
        repository: "sentence-transformers/all-MiniLM-L6-v2",
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        parts: &[
            part("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            part(
                "modules.json",
                "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            ),
            part(
                "1_Pooling/config.json",
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
            part(
                "sentence_bert_config.json",
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            part(
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        ],
    },
    // These two models were never downloaded and tried by the authors. Several public projects
    // independently pin these commits and hashes; a file with another hash is refused.
    CatalogModel {
        name: "mmarco-mMiniLMv2-L12-H384-v1",
        purpose: Use::Rerank,
        about: "trained on 14 languages",
        megabytes: 490,
        repository: "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1",
        revision: "1427fd652930e4ba29e8149678df786c240d8825",
        parts: &[
            part("config.json", "cc2cfe51aa3fd759d21d21acf5dfd6994aa67a3c9210636d22e143699d336c77"),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "62c24cdc13d4c9952d63718d6c9fa4c287974249e16b7ade6d5a85e7bbb75626",
            ),
            part(
                "model.safetensors",
                "5daeca2481a76b5976a2bdc32f0a78532b6716da4f8cd3ff59460ef8d2f359b4",
            ),
        ],
    },
    CatalogModel {
        name: "ms-marco-MiniLM-L6-v2",
        purpose: Use::Rerank,
        about: "English",
        megabytes: 92,
        repository: "cross-encoder/ms-marco-MiniLM-L6-v2",
        revision: "c5ee24cb16019beea0893ab7796b1df96625c6b8",
        parts: &[
            part("config.json", "380e02c93f431831be65d99a4e7e5f67c133985bf2e77d9d4eba46847190bacc"),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            ),
            part(
                "model.safetensors",
                "821d1aa69520101d6e0737f78a042ae25b19e5cb9160701909d10434f4aeb0ae",
            ),
        ],
    },
    // These two models were never downloaded and tried by the authors, and no public hash of their
    // weights was found: the commit is pinned, and the hub's own hash is checked. Their licence is
    // MIT; deepset's minilm-uncased-squad2 and xlm-roberta-base-squad2 are CC BY 4.0 and have no
    // tokenizer.json.
    CatalogModel {
        name: "xlm-roberta-base-squad2-distilled",
        purpose: Use::AnswerQuestions,
        about: "about 100 languages, MIT licence",
        megabytes: 1110,
        repository: "deepset/xlm-roberta-base-squad2-distilled",
        revision: "d117c6bc032dc324a14a587e1a97724eecdceebe",
        parts: QA_PARTS,
    },
    CatalogModel {
        name: "tinybert-6l-768d-squad2",
        purpose: Use::AnswerQuestions,
        about: "English, MIT licence",
        megabytes: 266,
        repository: "deepset/tinybert-6l-768d-squad2",
        revision: "6a7bbfd328b3326b8824c6ac287900094367211f",
        parts: QA_PARTS,
    },
    whisper(
        "whisper-small",
        (488, "99 languages; in memory 490 MB, and 280 MB for each note at work"),
        &[part(
            "ggml-small.bin",
            "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b",
        )],
    ),
    whisper(
        "whisper-base",
        (148, "99 languages, fast; in memory 150 MB, and 165 MB for each note at work"),
        &[part(
            "ggml-base.bin",
            "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe",
        )],
    ),
    whisper(
        "whisper-large-v3-turbo-q5_0",
        (574, "99 languages, hears best, slow without many cores; in memory about 1 GB"),
        &[part(
            "ggml-large-v3-turbo-q5_0.bin",
            "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2",
        )],
    ),
    whisper(
        "whisper-large-v3-turbo",
        (1625, "99 languages, hears best, slow without many cores; in memory about 2.1 GB"),
        &[part(
            "ggml-large-v3-turbo.bin",
            "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69",
        )],
    ),
    whisper(
        "whisper-medium",
        (1534, "99 languages, slow; in memory 1540 MB, and 470 MB for each note at work"),
        &[part(
            "ggml-medium.bin",
            "6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208",
        )],
    ),
    whisper(
        "whisper-small-q5_1",
        (190, "99 languages; in memory 190 MB, and 280 MB for each note at work"),
        &[part(
            "ggml-small-q5_1.bin",
            "ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb",
        )],
    ),
    whisper(
        "whisper-base-q5_1",
        (60, "99 languages, fast; in memory 60 MB, and 165 MB for each note at work"),
        &[part(
            "ggml-base-q5_1.bin",
            "422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898",
        )],
    ),
    whisper(
        "whisper-tiny",
        (
            78,
            "99 languages, very fast, mishears much; in memory 80 MB, and 120 MB for each note at work",
        ),
        &[part(
            "ggml-tiny.bin",
            "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21",
        )],
    ),
    whisper(
        "whisper-small.en",
        (488, "English; in memory 490 MB, and 280 MB for each note at work"),
        &[part(
            "ggml-small.en.bin",
            "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d",
        )],
    ),
    whisper(
        "whisper-base.en",
        (148, "English, fast; in memory 150 MB, and 165 MB for each note at work"),
        &[part(
            "ggml-base.en.bin",
            "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002",
        )],
    ),
    CatalogModel {
        name: "silero-vad",
        purpose: Use::Voices,
        about: "tells speech from silence, noise and music before a voice note is transcribed",
        megabytes: 1,
        repository: "ggml-org/whisper-vad",
        revision: "c5c26827b67dfd053856f92e824e14fdcc123daf",
        parts: &[part(
            "ggml-silero-v6.2.0.bin",
            "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987",
        )],
    },
];
