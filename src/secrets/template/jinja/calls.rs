//! What a template reads: the calls of `secret` and `parameter`, found in its syntax tree. No template is
//! run for that, as a run takes one branch of each condition.

use std::collections::BTreeMap;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, Expr, Spanned, Stmt, Template};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{FILTERS, Function, TESTS};
use crate::secrets::reference::{Part, Reference};
use crate::secrets::template::TemplateProblem;
use roles_anywhere_client::text::disclosure::{Sensitivity, quoted};

/// A value that a template reads.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::secrets::template) struct Use {
    /// By which function.
    pub(super) function: Function,
    /// The argument of the function.
    pub(super) name: String,
    /// The names of the members that lead to it, with dots between them; empty for the whole.
    pub(super) path: String,
}

/// What a template reads, and what is wrong with it, with its lines.
#[derive(Default)]
pub(super) struct Calls {
    /// Each with its first line.
    pub(super) uses: BTreeMap<Use, (usize, Reference)>,
    pub(super) problems: Vec<(usize, TemplateProblem)>,
}

/// The characters of a member's name that are written as they are behind the `#` of a reference.
const MEMBER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

impl Calls {
    pub(super) fn of(template: &Template<'_>) -> Self {
        let mut calls = Self::default();
        calls.statements(&template.children);
        calls
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                self.expressions(&each.filter_expr);
                self.statements(&each.body);
                self.statements(&each.else_body);
            }
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr);
                self.statements(&condition.true_body);
                self.statements(&condition.false_body);
            }
            Stmt::WithBlock(with) => {
                for (_, value) in &with.assignments {
                    self.expression(value);
                }
                self.statements(&with.body);
            }
            Stmt::Set(set) => self.expression(&set.expr),
            Stmt::SetBlock(set) => {
                self.expressions(&set.filter);
                self.statements(&set.body);
            }
            Stmt::AutoEscape(block) => {
                self.expression(&block.enabled);
                self.statements(&block.body);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter);
                self.statements(&block.body);
            }
            Stmt::Do(call) => self.call(&call.call),
        }
    }

    fn expressions<'e, 's: 'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr<'s>>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn expression(&mut self, expression: &Expr<'_>) {
        if let Some((function, call, path)) = access(expression) {
            return self.read(function, call, &path);
        }
        match expression {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expression(&slice.expr);
                self.expressions(slice.start.iter().chain(&slice.stop).chain(&slice.step));
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => self.expressions([&operation.left, &operation.right]),
            Expr::Compare(comparison) => {
                self.expression(&comparison.expr);
                self.expressions(comparison.ops.iter().map(|operand| &operand.expr));
            }
            Expr::IfExpr(condition) => {
                self.expressions([&condition.test_expr, &condition.true_expr]);
                self.expressions(&condition.false_expr);
            }
            Expr::Filter(filter) => {
                let problem = TemplateProblem::Filter;
                self.known(filter.name, &FILTERS, filter.span(), problem);
                self.expressions(&filter.expr);
                self.arguments(&filter.args);
            }
            Expr::Test(test) => {
                self.known(test.name, &TESTS, test.span(), TemplateProblem::Test);
                self.expression(&test.expr);
                self.arguments(&test.args);
            }
            Expr::GetAttr(attribute) => self.expression(&attribute.expr),
            Expr::GetItem(item) => self.expressions([&item.expr, &item.subscript_expr]),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.expressions(&list.items),
            Expr::Tuple(tuple) => self.expressions(&tuple.items),
            Expr::Map(map) => self.expressions(map.keys.iter().chain(&map.values)),
        }
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        match (function(call), &call.expr) {
            (Some(function), _) => self.read(function, call, &[]),
            (None, Expr::Var(name)) => {
                self.problem(call.span(), TemplateProblem::Function(shown(name.id)));
            }
            (None, callee) => self.expression(callee),
        }
        if function(call).is_none() {
            self.arguments(&call.args);
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => self.expression(value),
            }
        }
    }

    /// Notes that a member of a secret or a parameter is read, or the whole of it.
    fn read(&mut self, function: Function, call: &Spanned<Call<'_>>, path: &[String]) {
        let name = match &call.args[..] {
            [CallArg::Pos(Expr::Const(name))] => name.value.as_str(),
            _ => None,
        };
        let Some(name) = name else {
            return self.problem(call.span(), TemplateProblem::NotLiteral(function.name()));
        };
        let path = path.join(".");
        match Reference::parse(&reference(function, name, &path)) {
            Ok(reference) if *reference.part() == Part::AllMembers => {
                self.problem(call.span(), TemplateProblem::AllMembers);
            }
            Ok(reference) => {
                let read = Use { function, name: name.to_owned(), path };
                let line = call.span().start_line.into();
                self.uses.entry(read).or_insert((line, reference));
            }
            Err(error) => self.problem(call.span(), TemplateProblem::Reference(error)),
        }
    }

    fn known(
        &mut self,
        name: &str,
        all: &[&str],
        span: Span,
        problem: fn(String) -> TemplateProblem,
    ) {
        if !all.contains(&name) {
            self.problem(span, problem(shown(name)));
        }
    }

    fn problem(&mut self, span: Span, problem: TemplateProblem) {
        self.problems.push((span.start_line.into(), problem));
    }
}

/// Returns the function that a call is of, if it is one of ours.
fn function(call: &Spanned<Call<'_>>) -> Option<Function> {
    match &call.expr {
        Expr::Var(name) => Function::ALL.into_iter().find(|function| function.name() == name.id),
        _ => None,
    }
}

/// Returns the call, and the names of the members behind it, if an expression is that: `secret("a").b`.
fn access<'e, 's>(
    expression: &'e Expr<'s>,
) -> Option<(Function, &'e Spanned<Call<'s>>, Vec<String>)> {
    let (inner, member) = match expression {
        Expr::Call(call) => return function(call).map(|function| (function, call, Vec::new())),
        Expr::GetAttr(attribute) => (&attribute.expr, attribute.name.to_owned()),
        Expr::GetItem(item) => match &item.subscript_expr {
            Expr::Const(key) => (&item.expr, key.value.as_str()?.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    let (function, call, mut path) = access(inner)?;
    path.push(member);
    Some((function, call, path))
}

/// Returns the text of a reference. The name of a template may have a member and options of its own.
fn reference(function: Function, name: &str, path: &str) -> String {
    let scheme = match function {
        Function::Secret => "sm://",
        Function::Parameter => "ssm://",
    };
    if path.is_empty() {
        return [scheme, name].concat();
    }
    let (before, options) = name.split_at(name.find('?').unwrap_or(name.len()));
    let mark = if before.contains('#') { "." } else { "#" };
    format!("{scheme}{before}{mark}{}{options}", utf8_percent_encode(path, MEMBER))
}

/// Returns a word of a template for a message.
fn shown(word: &str) -> String {
    quoted(word, Sensitivity::Public, "it")
}
