//! The shape of the repository: layers and circles, files and their length, and documents that say what is
//! so.
//!
//! Each check is a function of a root folder that returns findings: the place, what is wrong, the way out. So
//! each check has tests of its own in its file, on small trees and on changed copies of the real one, which
//! show that it fires.

mod adapters;
mod circles;
mod document;
mod errors;
mod families;
mod features;
mod files;
mod finding;
mod flags;
mod grammars;
mod homonyms;
mod items;
mod keys;
mod layers;
mod lexer;
mod listings;
mod logs;
mod map;
mod natural;
mod numbers;
mod openers;
mod orphans;
mod package;
mod pages;
mod paths;
mod small;
mod tree;
mod types;
mod uses;
mod width;
mod words;

use crate::finding::assert_clean;
use crate::natural::NATURAL;
use crate::tree::repository;

#[test]
fn layers_import_only_what_is_above_them_in_the_list() {
    assert_clean(&layers::check(&repository()));
}

#[test]
fn errors_are_logged_without_control_characters() {
    assert_clean(&logs::check(&repository()));
}

#[test]
fn every_file_is_part_of_its_crate() {
    assert_clean(&orphans::check(&repository()));
}

#[test]
fn files_form_no_circle() {
    assert_clean(&circles::check(&repository(), NATURAL));
}

#[test]
fn families_of_macros_do_not_import_each_other() {
    assert_clean(&families::check(&repository()));
}

#[test]
fn adapters_use_what_is_public_and_nether_names_no_adapter() {
    assert_clean(&adapters::check(&repository()));
}

#[test]
fn files_say_what_they_hold_are_short_and_leave_nothing_undone() {
    assert_clean(&files::check(&repository()));
}

#[test]
fn paths_in_documents_exist() {
    assert_clean(&paths::check(&repository()));
}

#[test]
fn types_in_the_architecture_and_in_the_glossary_exist() {
    assert_clean(&types::check(&repository()));
}

#[test]
fn no_two_types_of_a_crate_have_one_name() {
    assert_clean(&homonyms::check(&repository()));
}

#[test]
fn the_architecture_names_every_module_and_every_bench() {
    assert_clean(&map::check(&repository()));
}

#[test]
fn no_layer_has_a_number() {
    assert_clean(&numbers::check(&repository()));
}

#[test]
fn documents_list_the_features_that_there_are() {
    assert_clean(&features::check(&repository()));
}

#[test]
fn features_in_documents_exist() {
    assert_clean(&flags::check(&repository()));
}

#[test]
fn documents_list_the_keys_that_attributes_accept() {
    assert_clean(&keys::check(&repository()));
}

#[test]
fn documents_list_the_errors_that_there_are() {
    assert_clean(&errors::check(&repository()));
}

#[test]
fn comments_and_prose_end_at_110_columns() {
    assert_clean(&width::check(&repository()));
}

#[test]
fn doc_comments_open_with_a_noun() {
    assert_clean(&openers::check(&repository()));
}

#[test]
fn words_that_name_no_subject_only_become_fewer() {
    assert_clean(&words::check(&repository(), words::MOST));
}
