//! Limits the constants of a template before it is compiled: the compiler folds constants without
//! any limit.

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, Macro, Stmt};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::guard::limit_error;

/// Maximum bytes that the constant multiplications of a template may create; no other operator
/// makes a constant longer than its source.
const MAX_CONSTANT_BYTES: usize = 100_000;

/// Refuses large constants. Syntax errors are left to the compiler. Recurses for every operator, as
/// the compiler does: call it only after the operators have been counted.
pub(super) fn check(source: &str, syntax: &SyntaxConfig) -> Result<(), Error> {
    let Ok(template) = parse(source, "", syntax.clone()) else { return Ok(()) };
    Constants { made: 0 }.statement(&template)
}

struct Constants {
    /// Bytes created so far, over the whole template.
    made: usize,
}

impl Constants {
    fn statements(&mut self, all: &[Stmt<'_>]) -> Result<(), Error> {
        all.iter().try_for_each(|one| self.statement(one))
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Result<(), Error> {
        match statement {
            Stmt::Template(it) => self.statements(&it.children),
            Stmt::EmitExpr(it) => self.expr(&it.expr),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::ForLoop(it) => {
                self.exprs([&it.target, &it.iter].into_iter().chain(&it.filter_expr))?;
                self.statements(&it.body)?;
                self.statements(&it.else_body)
            }
            Stmt::IfCond(it) => {
                self.expr(&it.expr)?;
                self.statements(&it.true_body)?;
                self.statements(&it.false_body)
            }
            Stmt::WithBlock(it) => {
                self.exprs(it.assignments.iter().flat_map(|(target, value)| [target, value]))?;
                self.statements(&it.body)
            }
            Stmt::Set(it) => self.exprs([&it.target, &it.expr]),
            Stmt::SetBlock(it) => {
                self.exprs(std::iter::once(&it.target).chain(&it.filter))?;
                self.statements(&it.body)
            }
            Stmt::AutoEscape(it) => {
                self.expr(&it.enabled)?;
                self.statements(&it.body)
            }
            Stmt::FilterBlock(it) => {
                self.expr(&it.filter)?;
                self.statements(&it.body)
            }
            Stmt::Block(it) => self.statements(&it.body),
            Stmt::Import(it) => self.exprs([&it.expr, &it.name]),
            Stmt::FromImport(it) => self.expr(&it.expr),
            Stmt::Extends(it) => self.expr(&it.name),
            Stmt::Include(it) => self.expr(&it.name),
            Stmt::Macro(it) => self.declared(it),
            Stmt::CallBlock(it) => {
                self.call(&it.call)?;
                self.declared(&it.macro_decl)
            }
            Stmt::Do(it) => self.call(&it.call),
        }
    }

    fn declared(&mut self, it: &Macro<'_>) -> Result<(), Error> {
        self.exprs(it.args.iter().chain(&it.defaults))?;
        self.statements(&it.body)
    }

    fn exprs<'e, 's: 'e>(
        &mut self,
        all: impl IntoIterator<Item = &'e Expr<'s>>,
    ) -> Result<(), Error> {
        all.into_iter().try_for_each(|one| self.expr(one))
    }

    fn expr(&mut self, expr: &Expr<'_>) -> Result<(), Error> {
        match expr {
            Expr::Var(_) | Expr::Const(_) => Ok(()),
            Expr::Slice(it) => {
                let bounds = it.start.iter().chain(&it.stop).chain(&it.step);
                self.exprs(std::iter::once(&it.expr).chain(bounds))
            }
            Expr::UnaryOp(it) => self.expr(&it.expr),
            Expr::BinOp(it) => {
                self.exprs([&it.left, &it.right])?;
                if matches!(it.op, BinOpKind::Mul) {
                    self.product(it.left.as_const(), it.right.as_const())?;
                }
                Ok(())
            }
            Expr::Compare(it) => {
                self.expr(&it.expr)?;
                self.exprs(it.ops.iter().map(|op| &op.expr))
            }
            Expr::IfExpr(it) => {
                self.exprs([&it.test_expr, &it.true_expr].into_iter().chain(&it.false_expr))
            }
            Expr::Filter(it) => {
                self.exprs(&it.expr)?;
                self.arguments(&it.args)
            }
            Expr::Test(it) => {
                self.expr(&it.expr)?;
                self.arguments(&it.args)
            }
            Expr::GetAttr(it) => self.expr(&it.expr),
            Expr::GetItem(it) => self.exprs([&it.expr, &it.subscript_expr]),
            Expr::Call(it) => self.call(it),
            Expr::List(it) => self.exprs(&it.items),
            Expr::Tuple(it) => self.exprs(&it.items),
            Expr::Map(it) => self.exprs(it.keys.iter().chain(&it.values)),
        }
    }

    fn call(&mut self, call: &Call<'_>) -> Result<(), Error> {
        self.expr(&call.expr)?;
        self.arguments(&call.args)
    }

    fn arguments(&mut self, all: &[CallArg<'_>]) -> Result<(), Error> {
        self.exprs(all.iter().map(|argument| match argument {
            CallArg::Pos(it)
            | CallArg::Kwarg(_, it)
            | CallArg::PosSplat(it)
            | CallArg::KwargSplat(it) => it,
        }))
    }

    /// Charges a multiplication of two constants, both still small.
    fn product(&mut self, left: Option<Value>, right: Option<Value>) -> Result<(), Error> {
        let (Some(left), Some(right)) = (left, right) else { return Ok(()) };
        let made = |of: &Value, times: &Value| {
            size(of).saturating_mul(times.as_usize().unwrap_or_default())
        };
        self.made =
            self.made.saturating_add(made(&left, &right)).saturating_add(made(&right, &left));
        if self.made > MAX_CONSTANT_BYTES {
            return Err(limit_error("multiplies a text or a list with large numbers"));
        }
        Ok(())
    }
}

/// Bytes of a text, or of a list in memory and as text; 0 for values that cannot be repeated.
fn size(value: &Value) -> usize {
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, str::len),
        ValueKind::Seq | ValueKind::Iterable => {
            value.len().unwrap_or_default() * size_of::<Value>() + value.to_string().len()
        }
        _ => 0,
    }
}
