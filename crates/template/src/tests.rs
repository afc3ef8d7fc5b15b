//! Test support: hostile templates must hit the limits, ordinary ones must render as in minijinja.

use std::time::{Duration, Instant};

use minijinja::{Environment, context};

use super::*;

const LIMITS: Limits =
    Limits { source: 256 * 1024, output: 512 * 1024, steps: 50_000, work: 500_000 };
/// Maximum time for any template, in a debug build on a busy machine; without limits they take
/// minutes or all memory.
const TIMEOUT: Duration = Duration::from_secs(5);

fn render(source: &str) -> Result<String, String> {
    let mut bounded = BoundedEnvironment::new(LIMITS);
    let why = |error: Error| {
        format!("{}: {}", error.kind(), excess(&error).or(error.detail()).unwrap_or("None"))
    };
    bounded.add("prompt", source.to_owned()).map_err(why)?;
    bounded.render("prompt", context! { contact => "Ana", n => 3 }).map_err(why)
}

#[test]
fn what_there_is_too_much_of_is_named() {
    let many = format!("{{{{ [{}] | length }}}}", "1,".repeat(10_001));
    let refused = render(&many).unwrap_err();
    assert!(refused.contains("more than 10000 commas in one tag"), "{refused}");
    let refused = render(&format!("{{{{ 1{} }}}}", " + 1".repeat(201))).unwrap_err();
    assert!(refused.contains("more than 200 operators in one tag"), "{refused}");
}

#[test]
fn hostile_templates_are_refused_soon_and_say_why() {
    let doubled = "{% set x = x ~ x %}".repeat(40);
    let nested = "{% set x = [x, x] %}".repeat(60);
    let chained = format!("{{% set x = x{} %}}", "|chain(e)".repeat(99));
    let hostile = [
        "{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}{% endfor %}{% endfor %}{% endfor %}".to_owned(),
        "{{ 'x' * 1000000000 }}".into(),
        "{{ 'x' * 100000000 ~ 'x' * 100000000 }}".into(),
        "{{ contact * 100000000 }}".into(),
        "{% set n = 1000 %}{% set x = 'x' * n * n * n * n %}{{ x }}".into(),
        "{{ ([1] * n * 1000 * 1000 * 1000) | length }}".into(),
        format!("{{% set x = 'xxxxxxxxxxxxxxxx' %}}{doubled}{{{{ x }}}}"),
        format!("{{% set x = 'xxxxxxxxxxxxxxxx' %}}{}{{{{ x }}}}", doubled.replace('~', "+")),
        format!("{{% set x = [1] %}}{}{{{{ x | length }}}}", doubled.replace('~', "+")),
        format!("{{% set x = 1 %}}{nested}{{{{ x }}}}"),
        format!("{{% set x = 1 %}}{nested}{{{{ x == x }}}}"),
        format!("{{% set x = 1 %}}{}{{{{ x }}}}", "{% set x = [x] %}".repeat(2000)),
        format!("{{% set x = 'xx' %}}{}{{{{ x }}}}", "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(40)),
        format!("{{% set x = 'xx' %}}{}{{{{ x }}}}", "{% set x = x | replace('x', x) %}".repeat(12)),
        format!("{{% set x = 'xx' %}}{}{{{{ x }}}}", "{% set x = [x, x, x] | join(x) %}".repeat(20)),
        format!("{{% set x = 'xx' %}}{}{{{{ x }}}}", "{% set x = '%s%s%s' | format(x, x, x) %}".repeat(40)),
        "{{ 'x' | indent(1000000000) }}".into(),
        "{{ 'x' | indent(width=1000000000, first=true) }}".into(),
        "{{ '%1000000000d' | format(1) }}".into(),
        "{{ '%*d' | format(1000000000, 1) }}".into(),
        "{{ [1] | batch(1000000000, 'x') | list }}".into(),
        "{{ [1] | slice(1000000000) | list }}".into(),
        "{{ range(100000000) | list }}".into(),
        "{{ range(0, 9000000000000000000, 1) | list }}".into(),
        "{{ range(10000) | map('replace', '', 'xxxxxxxxxxxxxxxx') | join }}".into(),
        "{% set r = range(10000) %}{{ r | select('in', r) | list | length }}".into(),
        "{% set r = range(10000) %}{{ r | map('string') | sum }}".into(),
        "{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}".into(),
        "{% macro f(x, n) %}{% if n %}{{ f(x ~ x, n - 1) }}{% endif %}{{ x }}{% endmacro %}{{ f('xxxxxxxx', 24) }}".into(),
        "{% for x in [[1]] recursive %}{{ loop([[1], [1]]) }}{% endfor %}".into(),
        "{% block b %}{{ self.b() }}{{ self.b() }}{% endblock %}".into(),
        format!("{{% set x %}}{{% for a in range(9000) %}}{}{{% endfor %}}{{% endset %}}", "y".repeat(60_000)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(60_000)),
        format!("{{{{ n{} }}}}", " | abs".repeat(40_000)),
        format!("{{{{ {}n }}}}", "not ".repeat(50_000)),
        format!("{{{{ {}n{} }}}}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("{{% if n == 0 %}}{}{{% endif %}}", "{% elif n == 0 %}".repeat(14_000)),
        format!("{{{{ dict({}) }}}}", "1,".repeat(70_000)),
        "x".repeat(300 * 1024),
        "{{ f(*range(10000)) }}".into(),
        "{% include 'prompt' %}".into(),
        "{% set x.y = 1 %}".into(),
        "{{ 1 < 2 < 3 < n }}".into(),
        "{{ namespace() }}".into(),
        format!("{{% set x = {{}} %}}{}{{{{ x }}}}", "{% set x = x | chain(x) %}".repeat(40)),
        format!("{{% set x = [] %}}{}{{{{ x }}}}", "{% set x = x | chain(x) %}".repeat(40)),
        format!("{{% set x = {{}} %}}{{% set e = x %}}{}{{{{ x }}}}", chained.repeat(99)),
        "{{ 'x' * 10 ** 8 }}".into(),
        "{{ (1,) * 10 ** 8 }}".into(),
        "{{ 'x' * (1000 // 0.00001) }}".into(),
        "{{ 'x' * (1 / (3 - 2.9999999)) }}".into(),
        "{{ (true ~ true) * 100000000 }}".into(),
        "{% for a in [true] * 100000000 %}{% endfor %}".into(),
        "{% if [true] * 100000000 %}{% endif %}".into(),
        format!("{{{{ [{}] * 9999 }}}}", "true,".repeat(9000)),
        "{% set n = 3000000 %}{% set x = 'é' * n %}{% set m = n - 1 %}{% for a in range(9000) %}{% set y = x[m] %}{% endfor %}".into(),
        "{% set n = 3000000 %}{% set x = 'é' * n %}{% for a in range(9000) %}{% if loop.changed(x) %}{% endif %}{% endfor %}".into(),
        "{% for a in range(3) %}{{ loop.cycle() }}{% endfor %}".into(),
        "{{ debug() }}".into(),
    ];
    for source in hostile {
        let started = Instant::now();
        let shown: String = source.chars().take(120).collect();
        let error = render(&source).expect_err(&shown);
        assert!(started.elapsed() < TIMEOUT, "{shown}: {:?}", started.elapsed());
        assert!(error.len() < 400, "{shown}: {error}");
        assert!(!error.contains("None"), "no reason for {shown}: {error}");
    }
}

#[test]
fn large_constants_are_refused_before_they_are_made() {
    let doubled = |two: &str| format!("{{{{ 'x' * ({two}{}) }}}}", format!(" * {two}").repeat(25));
    for source in [
        doubled("(true + true)"),
        doubled("(('a' == 'a') + ('a' == 'a'))"),
        doubled("((not none) + (1 < 2))"),
        doubled("(('a' in 'a') + (1 not in [2]))"),
        "{{ (1,) * 2500 }}".repeat(6250),
        format!("{{% if n %}}{}{{% endif %}}", "{{ n | default('x' * 9000) }}".repeat(20)),
        "{% macro f(a, b='x' * 10 ** 7) %}{% endmacro %}".into(),
        "{% set x = contact[:('x' * 10 ** 7) | length] %}".into(),
        "{% call(x) f(a='x' * 10 ** 7) %}{% endcall %}".into(),
        "{{ ([1.0e300] * 3000 ~ '') * 3 }}".into(),
    ] {
        let shown: String = source.chars().take(120).collect();
        let added = BoundedEnvironment::new(LIMITS).add("prompt", source);
        let error = added.expect_err(&shown);
        assert!(excess(&error).is_some_and(|why| why.contains("multiplies")), "{shown}: {error}");
    }
}

#[test]
fn whether_a_map_is_empty_is_asked_without_copying_it() {
    let pairs: Vec<String> = (0..9_900).map(|key| format!("{key}: n")).collect();
    let asked = format!("{{% if d{} %}}{{% endif %}}", " and d".repeat(99));
    let source = format!(
        "{{% set d = {{{}}} %}}{{% for a in range(1000) %}}{asked}{{% endfor %}}",
        pairs.join(",")
    );
    let mut bounded = BoundedEnvironment::new(Limits { steps: 1_000_000, ..LIMITS });
    bounded.add("prompt", source).unwrap();
    let started = Instant::now();
    bounded.render("prompt", context! { n => 3 }).unwrap();
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
}

#[test]
fn what_a_template_may_do_comes_out_as_it_always_did() {
    let fair = [
        "Hello {{ contact }}, you are {{ n }}.",
        "{{ contact ~ '!' ~ n }} {{ contact + '?' }} {{ 'ab' * n }} {{ n * 'ab' }} {{ n * 2 + 1 }} {{ n * 1.5 }} {{ n + 0.5 }}",
        "{{ [1, 2] + [n] }} {{ (1, 2) + (n,) }} {{ [n] * 2 }} {{ {'a': n, 'b': [1]} }} {{ [n, [1, contact]] }}",
        "{{ n == 3 }} {{ n != 3 }} {{ n > 2 }} {{ n >= 3 }} {{ n < 3 }} {{ n <= 3 }} {{ 'n' in contact }} {{ n in [1, 3] }} {{ 'a' in {'a': 1} }} {{ n not in [1] }}",
        "{{ contact[1:] }} {{ contact[:-1] }} {{ contact[::-1] }} {{ [1, 2, n, 4][1:3] }} {{ [1, 2, n, 4][::2] }} {{ contact[5:] }} {{ (1, 2, n)[::-1] }} {{ [1, 2, n][-2:] }}",
        "{% for i in range(n) %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
        "{% for i in [3, 1, 2] | sort | reverse %}{{ i }}{% endfor %} {{ range(1, 10, n) | join('-') }} {{ range(5, 0, -2) }}",
        "{% for i in range(6) if i % 2 == 0 %}{{ i }}{% endfor %} {% for a, b in {'x': 1, 'y': n} | items %}{{ a }}{{ b }}{% endfor %}",
        "{{ contact | upper }} {{ contact | replace('n', 'm') | title }} {{ missing | default('?') }} {{ 'a b' | split | join('+') }} {{ 'a\nb' | indent(2) }}",
        "{{ '%s is %03d' | format(contact, n) }} {{ [1, 2, n] | sum }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ [1.234] | map('round', 1) | list }}",
        "{% macro f(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ f(n) }}{{ f(1, b=contact) }}{% set y %}[{{ contact }}]{% endset %}{{ y }}",
        "{% if contact and n > 2 %}yes{% elif n %}no{% else %}never{% endif %} {{ 'a' if n else 'b' }} {{ n is odd }} {{ contact is defined }}",
        "{% set a, b = (1, n) %}{{ a }}{{ b }} {{ [1, n, 2] | max }} {{ contact | length }} {% raw %}{{ x }}{% endraw %} {{ dict(a=n).a }} {{ -n // 2 }} {{ 2 ** n }}",
        "{{ 10 / 2 }} {{ 2 ** n * 100 }} {{ (n + 1) / 2 * 100 }} {{ (n + 1) * 20000 }} {{ n ** 2 // 4 }} {% if n in [1, 3] %}{{ n * 7 }}{% endif %}",
        "{{ contact[0] }}{{ contact[-1] }}{{ [1, n][1] }}{{ (1, n)[-1] }}{{ {'a': n}['a'] }} {{ contact[9] is defined }} {{ {'a': n}[contact] is defined }}",
        "{{ (n / 8 * 100) | round(1) ~ '%' }} {{ n ** 2 * n ~ ' m' }} {{ 10 / (n + 1) * 1000 ~ '%' }} {{ n // 2 * 9000 ~ 'x' }}",
        "{{ 'ab' * (true + true) }} {{ '-' * 40 }} {{ (1,) * 3 }} {% if n == 3 and contact == 'Ana' or not n in [1, 2] %}{{ n * 5000 ~ 'm' }}{% endif %}",
        "{% set d = {'a': n} %}{% if d and d %}yes{% endif %} {{ {} or 'none' }} {{ d | length }}",
        "{{ missing[0] }}",
        "{% for i in range(4) %}{{ loop.cycle('a', 'b', n) }}{% if loop.changed(i > 1) %}!{% endif %}{{ loop['index'] }}{% endfor %}",
        "{% with z = n ~ 'z' %}{{ z }}{% endwith %}{% filter upper %}{{ contact }} x{% endfilter %}{% call f2() %}in{% endcall %}{% macro f2() %}{{ caller() }}{% endmacro %}",
    ];
    for source in fair {
        let plain = Environment::new().render_str(source, context! { contact => "Ana", n => 3 });
        let wanted = plain.map_err(|error| error.kind().to_string());
        let made =
            render(source).map_err(|why| why.split(": ").next().unwrap_or_default().to_owned());
        assert_eq!(made, wanted, "{source}");
    }
}

#[test]
fn errors_name_their_line() {
    let mut bounded = BoundedEnvironment::new(LIMITS);
    bounded.add("prompt", "a\n{{ contact ~ (n + 'x') }}".to_owned()).unwrap();
    let error = bounded.render("prompt", context! { contact => "Ana", n => 3 }).unwrap_err();
    assert_eq!(error.line(), Some(2), "{error:?}");
}

#[test]
fn the_names_in_use_are_found() {
    let mut bounded = BoundedEnvironment::new(LIMITS);
    bounded
        .add("prompt", "contact {{ agent | upper }}{% if x.today %}{{ time }}{% endif %}".into())
        .unwrap();
    let known = ["agent", "contact", "today", "time", "upper"];
    assert_eq!(bounded.names("prompt", &known), ["agent", "time"]);
}

#[test]
#[ignore = "it is timed: `cargo test -p frontdesk-template -- --ignored --nocapture`"]
fn what_rendering_costs() {
    let ordinary = format!(
        "{}You answer for {{{{ agent }}}}. {{% if contact %}}You write with {{{{ contact }}}}.{{% endif %}} Today is {{{{ today }}}}.",
        "Be kind, be short, and say only what the passages say. ".repeat(60)
    );
    let values = || context! { agent => "Acme", contact => "Ana", today => "Monday", n => 3 };
    let mut plain = Environment::new();
    plain.add_template_owned("prompt", ordinary.clone()).unwrap();
    let mut bounded = BoundedEnvironment::new(LIMITS);
    bounded.add("prompt", ordinary).unwrap();
    let time = |render: &dyn Fn() -> String| {
        let started = Instant::now();
        (0..2000).for_each(|_| drop(std::hint::black_box(render())));
        started.elapsed() / 2000
    };
    let before = time(&|| plain.get_template("prompt").unwrap().render(values()).unwrap());
    let after = time(&|| bounded.render("prompt", values()).unwrap());
    println!("an ordinary prompt: {before:?} without bounds, {after:?} with them");
    for dear in [
        "{% for a in range(10000) %}{% if a == n %}{% endif %}{% endfor %}",
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
        "{% set x = 'x' * 100000 %}{% for a in range(1000) %}{% set y = x | upper %}{% endfor %}",
        "{% set x = range(9000) %}{% for a in range(1000) %}{% set y = x | sort %}{% endfor %}",
        "{% for a in range(9000) %}{{ a | string | replace('1', 'one') | upper | indent(8) }}{% endfor %}",
        "{% set x = 'ab' * 20000 %}{% for a in range(1000) %}{% if 'ba' * 10000 ~ 'c' in x %}{% endif %}{% endfor %}",
        "{% set x = 'é' * 20000 %}{% for a in range(9000) %}{% set y = x[19999] %}{% endfor %}",
    ] {
        let started = Instant::now();
        let made = render(dear).map(|text| text.len());
        println!("{:?} for {dear}: {made:?}", started.elapsed());
    }
}
